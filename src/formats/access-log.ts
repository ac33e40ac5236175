/** nginx and Envoy access logs with sizes: lengths are estimates from bytes. Pure. */
import { endpointOf } from '../stream/request-facts.ts'
import { isRecord, optionalNumber, type JsonRecord } from './fields.ts'
import type { ImportContext, LineImporter } from './importer.ts'
import { parseJson } from './json-text.ts'
import { RowFault } from './row-fault.ts'
import { parseIsoUs, parseUnitUs } from './source-time.ts'

export const accessLog: LineImporter = {
  name: 'access-log',
  title: 'nginx and Envoy access logs (JSON, or the default text with sizes)',
  unit: 'line',
  recognises: ({ line, record }) =>
    ENVOY.test(line) || NGINX.test(line) || (record !== null && partsOfJson(record) !== null),
  begin(context) {
    return {
      line(text) {
        const parts = partsOf(text)
        if (parts === null) throw new RowFault('the line is in no known access log format')
        logRow(parts, context)
      },
      end() {
        context.note('sizes in tokens are estimated from bytes: 4 a token of prompt, 250 of stream')
        context.header.originWallUs = context.sink.originUs
      },
    }
  },
}

type Parts = Readonly<{
  startUs: number
  method: string
  path: string
  status: number | null
  requestBytes: number | null
  responseBytes: number | null
  durationUs: number | null
}>

/** [start] "METHOD path HTTP/x" status flags received sent duration … */
const ENVOY = /^\[([^\]]+)\] "(\S+) (\S+) [^"]*" (\d+) \S+ (\d+) (\d+) (\d+)/

/** Combined format with $request_length and $request_time added at the end, in that order. */
const NGINX =
  /^\S+ \S+ \S+ \[([^\]]+)\] "(\S+) (\S+) [^"]*" (\d+) (\d+)(?: "[^"]*")* (\d+) (\d+\.\d+)/

function partsOf(text: string): Parts | null {
  const envoy = ENVOY.exec(text)
  if (envoy !== null) {
    const [, start = '', method = '', path = '', status, received, sent, millis] = envoy
    return {
      startUs: parseIsoUs(start),
      method,
      path,
      status: Number(status),
      requestBytes: Number(received),
      responseBytes: Number(sent),
      durationUs: Number(millis) * 1_000,
    }
  }
  const nginx = NGINX.exec(text)
  if (nginx !== null) return nginxParts(nginx)
  if (!text.startsWith('{')) return null
  const record = parseJson(text)
  return isRecord(record) ? partsOfJson(record) : null
}

/** nginx writes a line when the request is done: its time less the duration is the start. */
function nginxParts(match: RegExpExecArray): Parts {
  const [, end = '', method = '', path = '', status, sent, length, seconds] = match
  const durationUs = Math.round(Number(seconds) * 1_000_000)
  return {
    startUs: commonTimeUs(end) - durationUs,
    method,
    path,
    status: Number(status),
    requestBytes: Number(length),
    responseBytes: Number(sent),
    durationUs,
  }
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')
const COMMON = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})$/

function commonTimeUs(text: string): number {
  const [, day, month = '', year, clock, zone] = COMMON.exec(text) ?? []
  const number = String(MONTHS.indexOf(month) + 1).padStart(2, '0')
  return parseIsoUs(`${year}-${number}-${day}T${clock}${zone}`)
}

/** Keys as the two servers' own documents use them. */
function partsOfJson(record: JsonRecord): Parts | null {
  const number = (...names: readonly string[]) => {
    const name = names.find((key) => record[key] !== undefined && record[key] !== '-')
    return name === undefined ? null : optionalNumber(record[name], name)
  }
  const text = (...names: readonly string[]) => {
    const name = names.find((key) => typeof record[key] === 'string')
    return name === undefined ? null : String(record[name])
  }
  const [asked, where] = (text('request') ?? '').split(' ')
  const path = text('path', 'request_uri', 'uri') ?? where ?? null
  const method = text('method', 'request_method') ?? asked ?? null
  if (path === null || method === null) return null
  const common = { method, path }
  const start = text('start_time')
  if (start !== null) {
    const millis = number('duration')
    return {
      ...common,
      startUs: parseIsoUs(start),
      status: number('response_code', 'status'),
      requestBytes: number('bytes_received'),
      responseBytes: number('bytes_sent'),
      durationUs: millis === null ? null : Math.round(millis * 1_000),
    }
  }
  const end = ['msec', 'time_iso8601', 'time_local', 'time', 'timestamp'].find(
    (key) => key in record,
  )
  const seconds = number('request_time')
  if (end === undefined || seconds === null) return null
  return {
    ...common,
    startUs: endUs(record[end]) - Math.round(seconds * 1_000_000),
    status: number('status'),
    requestBytes: number('request_length'),
    responseBytes: number('body_bytes_sent', 'bytes_sent'),
    durationUs: Math.round(seconds * 1_000_000),
  }
}

/** ISO 8601, seconds since 1970, or the time of the combined format. */
function endUs(value: unknown): number {
  const us = parseUnitUs(value, 's')
  return Number.isNaN(us) ? commonTimeUs(String(value)) : us
}

/** One event of a stream on the wire, as vLLM writes it. */
const STREAM_BYTES_PER_TOKEN = 250
const OK = 200
const FAILED = 400

function logRow(parts: Parts, context: ImportContext): void {
  const endpoint = endpointOf(parts.method, parts.path)
  if (endpoint === null) {
    context.note('lines that are no requests to a model are left out')
    return
  }
  if (Number.isNaN(parts.startUs)) throw new RowFault('the line has no time')
  const { sink, text } = context
  const { status, requestBytes, responseBytes } = parts
  sink.begin(parts.startUs)
  sink.text('endpoint', endpoint)
  sink.number('status', status)
  sink.text('outcome', outcomeOf(status))
  sink.number('requestBytes', requestBytes)
  sink.number('responseBytes', responseBytes)
  sink.number('promptTokens', requestBytes === null ? null : text.estimate(requestBytes))
  if (responseBytes !== null && status === OK) {
    sink.number('outputTokens', Math.max(1, Math.round(responseBytes / STREAM_BYTES_PER_TOKEN)))
  }
  sink.text('tokenSource', 'estimate')
  sink.number('e2eUs', parts.durationUs)
}

/** nginx writes 499, Envoy 0, where the client hung up first. */
function outcomeOf(status: number | null): string | null {
  if (status === null) return null
  if (status === 499 || status === 0) return 'client_abort'
  return status >= FAILED ? 'http_error' : 'ok'
}
