/** gzip and zstd, found by their first bytes, unpacked within a bound. Pure. */
import { Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { TraceError } from '../base/errors.ts'

/** A file that unpacks to more than this many times its size, beyond the allowance, is an attack. */
const MAX_EXPANSION = 1_000
const EXPANSION_ALLOWANCE_BYTES = 64_000_000
/** Fed to zstd at once: what one step can unpack to must fit the memory. */
const ZSTD_STEP_BYTES = 4_096

/** How much went in and came out; throws where the ratio is an attack. */
class Expansion {
  readonly #name: string
  packedBytes = 0
  unpackedBytes = 0

  constructor(name: string) {
    this.#name = name
  }

  admit(bytes: Uint8Array): void {
    this.unpackedBytes += bytes.byteLength
    if (this.unpackedBytes <= EXPANSION_ALLOWANCE_BYTES + this.packedBytes * MAX_EXPANSION) return
    const message = `${this.#name} unpacks to over ${MAX_EXPANSION} times its size`
    throw new TraceError('TRACE_UNREADABLE', message, { hint: 'Unpack it first, if you trust it.' })
  }
}

/** Any number of gzip members or zstd frames one after the other; anything else passes unchanged. */
export async function* unpack(
  packed: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const iterator = packed[Symbol.asyncIterator]()
  const start = await firstBytes(iterator, 4)
  const whole = joined(start, iterator)
  const codec = codecOf(start)
  if (codec === null) {
    yield* whole
    return
  }
  const expansion = new Expansion(name)
  try {
    yield* codec === 'gzip' ? gunzip(whole, expansion) : unzstd(whole, expansion)
  } catch (error) {
    if (error instanceof TraceError) throw error
    const place = `after ${expansion.unpackedBytes} bytes`
    const message = `${name}: its ${codec} data is damaged or cut ${place}`
    throw new TraceError('TRACE_UNREADABLE', message, { cause: error })
  }
}

/** The bytes in hand, then what the iterator still has. */
export async function* joined(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (head.byteLength > 0) yield head
    for (;;) {
      const { value, done } = await rest.next()
      if (done === true) return
      yield value
    }
  } finally {
    await rest.return?.()
  }
}

async function* gunzip(
  chunks: AsyncIterable<Uint8Array>,
  expansion: Expansion,
): AsyncGenerator<Uint8Array> {
  const counted = Readable.from(counting(chunks, expansion))
  const decoder = createGunzip()
  counted.on('error', (error) => decoder.destroy(error))
  try {
    for await (const chunk of counted.pipe(decoder)) {
      expansion.admit(chunk as Uint8Array)
      yield chunk as Uint8Array
    }
  } finally {
    counted.destroy()
    decoder.destroy()
  }
}

async function* counting(
  chunks: AsyncIterable<Uint8Array>,
  expansion: Expansion,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    expansion.packedBytes += chunk.byteLength
    yield chunk
  }
}

/**
 * Node's decoder stops at a frame's end if more follows in the same write, and drops the rest; here
 * the rest goes to a new decoder.
 */
async function* unzstd(
  chunks: AsyncIterable<Uint8Array>,
  expansion: Expansion,
): AsyncGenerator<Uint8Array> {
  let frame = new ZstdFrame(expansion)
  for await (const chunk of chunks) {
    let at = 0
    while (at < chunk.byteLength) {
      const step = chunk.subarray(at, at + ZSTD_STEP_BYTES)
      expansion.packedBytes += step.byteLength
      const { unpacked, usedBytes, isEnd } = await frame.feed(step)
      yield* unpacked
      at += usedBytes
      expansion.packedBytes -= step.byteLength - usedBytes
      if (isEnd) frame = new ZstdFrame(expansion)
    }
  }
  yield* await frame.finish()
}

type Fed = Readonly<{ unpacked: readonly Uint8Array[]; usedBytes: number; isEnd: boolean }>

class ZstdFrame {
  readonly #decoder = createZstdDecompress()
  readonly #unpacked: Uint8Array[] = []
  #fault: unknown = null
  #fedBytes = 0
  #isEnd = false

  constructor(expansion: Expansion) {
    this.#decoder.on('data', (bytes: Uint8Array) => {
      try {
        expansion.admit(bytes)
        this.#unpacked.push(bytes)
      } catch (error) {
        this.#fault = error
        this.#decoder.destroy()
      }
    })
    this.#decoder.on('end', () => (this.#isEnd = true))
  }

  async feed(bytes: Uint8Array): Promise<Fed> {
    const before = this.#fedBytes
    this.#fedBytes += bytes.byteLength
    await new Promise<void>((resolve, reject) => {
      this.#decoder.once('error', reject)
      this.#decoder.once('close', resolve)
      this.#decoder.write(bytes, (error) => (error == null ? resolve() : reject(error)))
    })
    this.#decoder.removeAllListeners('error')
    this.#decoder.removeAllListeners('close')
    if (this.#fault !== null) throw this.#fault
    const usedBytes = this.#isEnd ? this.#decoder.bytesWritten - before : bytes.byteLength
    return { unpacked: this.#unpacked.splice(0), usedBytes, isEnd: this.#isEnd }
  }

  /** Throws if the frame is cut. One that has not begun is whole. */
  async finish(): Promise<readonly Uint8Array[]> {
    if (this.#fedBytes === 0) return []
    await new Promise<void>((resolve, reject) => {
      this.#decoder.once('error', reject)
      this.#decoder.once('end', resolve)
      this.#decoder.end()
    })
    if (this.#fault !== null) throw this.#fault
    return this.#unpacked.splice(0)
  }
}

async function firstBytes(iterator: AsyncIterator<Uint8Array>, count: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let size = 0
  while (size < count) {
    const { value, done } = await iterator.next()
    if (done === true) break
    parts.push(value)
    size += value.byteLength
  }
  return Buffer.concat(parts)
}

function codecOf(start: Buffer): 'gzip' | 'zstd' | null {
  if (start.length >= 2 && start.readUInt16BE(0) === 0x1f8b) return 'gzip'
  return start.length >= 4 && start.readUInt32LE(0) === 0xfd2fb528 ? 'zstd' : null
}
