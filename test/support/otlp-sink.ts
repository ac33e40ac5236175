/** A receiver of OTLP/HTTP that reads protobuf by itself, so that the exporters' own code is not trusted twice. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

export type ReceivedSpan = Readonly<{
  service: unknown
  name: string
  traceId: string
  spanId: string
  parentSpanId: string
  kind: number
  startUs: number
  endUs: number
  attributes: Readonly<Record<string, unknown>>
}>
export type ReceivedMetric = Readonly<{ name: string; count: number; sum: number }>

/** A message's fields by number, each as often as it came: varints as numbers, the rest as bytes. */
type Fields = Map<number, (number | Buffer)[]>

export class OtlpSink {
  readonly spans: ReceivedSpan[] = []
  readonly metrics: ReceivedMetric[] = []
  readonly #server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const packed = Buffer.concat(parts)
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(packed) : packed
      if (request.url === '/v1/traces') this.#takeSpans(body)
      if (request.url === '/v1/metrics') this.#takeMetrics(body)
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
  })

  async listen(port = 0): Promise<string> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #takeSpans(body: Buffer): void {
    for (const resource of messages(read(body), 1)) {
      const [about] = messages(resource, 1)
      const service = attributesOf(about, 1)['service.name']
      for (const span of messages(resource, 2).flatMap((scope) => messages(scope, 2))) {
        this.spans.push({
          service,
          name: bytes(span, 5).toString(),
          traceId: bytes(span, 1).toString('hex'),
          spanId: bytes(span, 2).toString('hex'),
          parentSpanId: bytes(span, 4).toString('hex'),
          kind: Number(span.get(6)?.[0] ?? 0),
          startUs: Number(bytes(span, 7).readBigUInt64LE()) / 1_000,
          endUs: Number(bytes(span, 8).readBigUInt64LE()) / 1_000,
          attributes: attributesOf(span, 9),
        })
      }
    }
  }

  #takeMetrics(body: Buffer): void {
    const scopes = messages(read(body), 1).flatMap((resource) => messages(resource, 2))
    for (const metric of scopes.flatMap((scope) => messages(scope, 2))) {
      const points = messages(metric, 9).flatMap((histogram) => messages(histogram, 1))
      this.metrics.push({
        name: bytes(metric, 1).toString(),
        count: points.reduce((sum, point) => sum + Number(bytes(point, 4).readBigUInt64LE()), 0),
        sum: points.reduce((sum, point) => sum + bytes(point, 5).readDoubleLE(), 0),
      })
    }
  }
}

/** KeyValue: 1 key, 2 AnyValue, of which 1 is a string, 2 a boolean, 3 a whole number, 4 a double, 5 an array. */
function attributesOf(fields: Fields | undefined, number: number): Record<string, unknown> {
  if (fields === undefined) return {}
  return Object.fromEntries(
    messages(fields, number).map((pair) => [
      bytes(pair, 1).toString(),
      valueOf(read(bytes(pair, 2))),
    ]),
  )
}

function valueOf(value: Fields): unknown {
  if (value.has(1)) return bytes(value, 1).toString()
  if (value.has(2)) return value.get(2)![0] === 1
  if (value.has(3)) return value.get(3)![0]
  if (value.has(4)) return bytes(value, 4).readDoubleLE()
  const [array] = messages(value, 5)
  return array === undefined ? null : messages(array, 1).map(valueOf)
}

function bytes(fields: Fields, number: number): Buffer {
  const found = fields.get(number)?.[0]
  return Buffer.isBuffer(found) ? found : Buffer.alloc(0)
}

function messages(fields: Fields, number: number): Fields[] {
  return (fields.get(number) ?? []).flatMap((each) => (Buffer.isBuffer(each) ? [read(each)] : []))
}

/** Wire types: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes. */
function read(message: Buffer): Fields {
  const fields: Fields = new Map()
  let at = 0
  const varint = (): number => {
    let [value, scale] = [0, 1]
    for (;;) {
      const byte = message[at++]!
      value += (byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) return value
    }
  }
  while (at < message.length) {
    const key = varint()
    const [number, type] = [Math.floor(key / 8), key % 8]
    const value = type === 0 ? varint() : word(type === 1 ? 8 : type === 5 ? 4 : varint())
    fields.set(number, [...(fields.get(number) ?? []), value])
  }
  return fields

  function word(length: number): Buffer {
    at += length
    return message.subarray(at - length, at)
  }
}
