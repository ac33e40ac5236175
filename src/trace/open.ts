/** Opens any trace: a file by its first bytes, or a recording's folder. Effects: reads files. */
import { closeSync, openSync, readSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { TraceError } from '../base/errors.ts'
import { ARROW_MAGIC } from './arrow-file.ts'
import { readArrow } from './arrow-reader.ts'
import { CheckedReader } from './checked-reader.ts'
import type { ContainerName } from './container.ts'
import { FileCheck } from './file-check.ts'
import { joinSegments } from './segments-reader.ts'
import { readSqlite } from './sqlite-reader.ts'
import type { TraceReader } from './trace.ts'

const SQLITE_MAGIC = 'SQLite format 3\0'

/**
 * SQLite files are checked in a thread beside the reading; no table ends before that has passed.
 *
 * @param path a trace, or a folder of segments, finished or being written
 * @throws TraceError TRACE_UNREADABLE or TRACE_NEWER
 */
export async function openTrace(path: string): Promise<TraceReader> {
  const paths = tracePaths(path)
  const readers: TraceReader[] = []
  try {
    for (const one of paths) readers.push(await readContainer(one))
    const reader = joinSegments(path, readers)
    const sqlitePaths = paths.filter((one) => containerByContent(one) === 'sqlite')
    if (sqlitePaths.length === 0) return reader
    return new CheckedReader(reader, new FileCheck(sqlitePaths))
  } catch (error) {
    await Promise.all(readers.map(async (reader) => reader.close()))
    throw error
  }
}

/** Files of a trace: its own, or the segments of a recording in their order. @throws TraceError TRACE_UNREADABLE */
export function tracePaths(path: string): string[] {
  return isFolder(path) ? segmentPaths(path) : [path]
}

function segmentPaths(folder: string): string[] {
  const names = readdirSync(folder)
    .filter((name) => /^[^.].*\.(?:sqlite|arrow)$/.test(name))
    .toSorted()
  if (names.length > 0) return names.map((name) => join(folder, name))
  throw new TraceError('TRACE_UNREADABLE', `${folder} is a folder without traces`, {
    hint: 'A recording is a folder of .sqlite segments.',
  })
}

/** One file, which is trusted to be sound: ours. */
export async function readContainer(path: string): Promise<TraceReader> {
  const container = containerByContent(path)
  try {
    if (container === 'sqlite') return readSqlite(path)
    if (container === 'arrow') return readArrow(path)
  } catch (error) {
    throw withPath(error, path)
  }
  throw new TraceError('TRACE_UNREADABLE', `${path} is neither an SQLite nor an Arrow trace`, {
    hint: '`trace convert` reads other formats; docs/formats.md lists them all.',
  })
}

/** What is wrong with a header or a message is said by code that knows no file. */
function withPath(error: unknown, path: string): unknown {
  if (!(error instanceof TraceError) || error.message.includes(path)) return error
  const { code, message, hint } = error
  return new TraceError(code, `${path}: ${message}`, { hint, cause: error })
}

/** By the first bytes; null where it is neither. Arrow files of others have the same first bytes. */
export function containerByContent(path: string): ContainerName | null {
  const first = firstBytes(path)
  if (first.toString('latin1') === SQLITE_MAGIC) return 'sqlite'
  return first.toString('latin1', 0, ARROW_MAGIC.length) === ARROW_MAGIC ? 'arrow' : null
}

export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch (error) {
    throw missing(path, error)
  }
}

function firstBytes(path: string): Buffer {
  const bytes = Buffer.alloc(SQLITE_MAGIC.length)
  try {
    const file = openSync(path, 'r')
    try {
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0))
    } finally {
      closeSync(file)
    }
  } catch (error) {
    throw missing(path, error)
  }
}

function missing(path: string, error: unknown): TraceError {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ESPIPE') {
    return new TraceError(
      'TRACE_UNREADABLE',
      `${path} is a pipe, and a trace is read at any place`,
      {
        hint: 'Save it as a file first.',
        cause: error,
      },
    )
  }
  const isAbsent = code === 'ENOENT'
  const hint = isAbsent ? 'Is the name right?' : 'Is it yours to read?'
  const what = isAbsent ? 'is not there' : 'cannot be read'
  return new TraceError('TRACE_UNREADABLE', `${path} ${what}`, { hint, cause: error })
}
