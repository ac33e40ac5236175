/** Bytes of a file, of standard input or of an address, unpacked. Effects: reads disk and network. */
import { createReadStream } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { TraceError } from '../base/errors.ts'
import { isPlainFile } from '../base/files.ts'
import { HttpClient } from '../base/http.ts'
import type { World } from '../base/world.ts'
import { ARROW_KEYS } from '../trace/arrow-reader.ts'
import { joined, unpack } from './unpack.ts'
import { toUtf8, utf16Of } from './utf16.ts'

/** As much as recognition looks at. */
const HEAD_BYTES = 65_536
const READ_BYTES = 262_144
/** Files of one folder that are read as one trace. */
const MAX_FILES = 100_000

export type Source = Readonly<{
  name: string
  head: Buffer
  /** Everything, the head included. Can be read once. */
  chunks: AsyncIterable<Uint8Array>
}>

/**
 * @param input a path, '-' or an http(s) address
 * @returns the names of the files to read, in name order; one unless `input` is a folder
 */
export async function sourceNames(input: string): Promise<string[]> {
  if (input === '-' || isUrl(input)) return [input]
  try {
    if (!(await stat(input)).isDirectory()) return [input]
  } catch (error) {
    throw unreadable(input, error)
  }
  const entries = await readdir(input, { recursive: true, withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  if (names.length === 0) throw new TraceError('TRACE_UNREADABLE', `${input} is an empty folder`)
  if (names.length > MAX_FILES) {
    throw new TraceError('TRACE_UNREADABLE', `${input} has more than ${MAX_FILES} files`)
  }
  return names
}

export async function openSource(name: string, world: World): Promise<Source> {
  const packed = name === '-' ? world.stdin : isUrl(name) ? download(name) : fileChunks(name)
  const unpacked = unpack(packed, name)
  const iterator = unpacked[Symbol.asyncIterator]()
  const first: Uint8Array[] = []
  let headBytes = 0
  while (headBytes < HEAD_BYTES) {
    const { value, done } = await iterator.next()
    if (done === true) break
    first.push(value)
    headBytes += value.byteLength
  }
  const head = Buffer.concat(first)
  const [start, chunks] = [head.subarray(0, HEAD_BYTES), joined(head, iterator)]
  const encoding = utf16Of(head)
  if (encoding === null) return { name, head: start, chunks }
  const text = new TextDecoder(encoding).decode(start)
  return { name, head: Buffer.from(text), chunks: toUtf8(chunks, encoding) }
}

/** True for a trace of this program, a file or a folder of segments; false for anything else. */
export async function isTraceInput(input: string): Promise<boolean> {
  if (input === '-' || isUrl(input)) return false
  const names = await sourceNames(input)
  const own = names.filter((name) => /\.(?:sqlite|arrow)$/.test(name))
  if (names.length > 1) return own.length > 0
  const [name = input] = names
  // What a pipe gives is gone once it is looked at; a trace is read at any place.
  if (!(await isPlainFile(name))) return false
  const handle = await open(name).catch((error: unknown) => {
    throw unreadable(input, error)
  })
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    const start = buffer.subarray(0, bytesRead)
    if (start.toString('latin1', 0, 15) === 'SQLite format 3') return true
    return start.toString('latin1', 0, 6) === 'ARROW1' && start.includes(ARROW_KEYS.header)
  } finally {
    await handle.close()
  }
}

export function isUrl(name: string): boolean {
  return /^https?:\/\//.test(name)
}

async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) {
      yield chunk as Uint8Array
    }
  } catch (error) {
    throw unreadable(path, error)
  }
}

async function* download(url: string): AsyncGenerator<Uint8Array> {
  const client = new HttpClient()
  try {
    const { status, body } = await client.open(url)
    if (status !== 200) {
      throw new TraceError('TRACE_UNREADABLE', `${new URL(url).origin} answered ${status}`, {
        hint: 'Is the address right, and may it be read without a login?',
      })
    }
    yield* body
  } finally {
    await client.close()
  }
}

function unreadable(path: string, error: unknown): TraceError {
  const { code } = error as NodeJS.ErrnoException
  const reason = code === 'ENOENT' ? 'is not there' : `cannot be read (${code ?? 'unknown'})`
  return new TraceError('TRACE_UNREADABLE', `${path} ${reason}`, {
    hint: 'Check the name; `-` reads standard input.',
    cause: error,
  })
}
