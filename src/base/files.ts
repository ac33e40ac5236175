/** Files that appear whole or not at all. Effects: reads and writes the disk. */
import { randomBytes } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { copyFile, lstat, mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { TraceError } from './errors.ts'

/** A name beside `path` that no other process uses; the dot keeps it out of listings. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.part`)
}

/**
 * Makes `temporary` appear as `path`: fsync of the file, rename, fsync of the folder.
 * After it returns, the new content survives a power cut.
 */
export async function publish(temporary: string, path: string): Promise<void> {
  await syncFile(temporary)
  await rename(temporary, path)
  await syncFile(dirname(path))
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes a whole file, so that a reader sees the old content or the new, never half. */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  const temporary = temporaryPath(path)
  try {
    const handle = await open(temporary, 'wx', mode)
    try {
      await handle.writeFile(content)
    } finally {
      await handle.close()
    }
    await publish(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/**
 * Whether a file could appear there: to be asked before any work is done for it.
 * @throws TraceError OUTPUT_EXISTS unless `force`, BAD_OPTION if its folder is not there
 */
export function checkOutput(path: string, force: boolean): void {
  const folder = dirname(path)
  if (!existsSync(folder)) {
    throw new TraceError('BAD_OPTION', `the folder of ${path} is not there`, {
      hint: `\`mkdir -p ${folder}\` makes it.`,
    })
  }
  refuseExisting(path, force)
}

/** @throws TraceError OUTPUT_EXISTS unless `force` */
export function refuseExisting(path: string, force: boolean, hint?: string): void {
  if (force || !existsSync(path)) return
  const options = hint === undefined ? {} : { hint }
  throw new TraceError('OUTPUT_EXISTS', `${path} exists already`, options)
}

/**
 * @param hint where such a file comes from, if there is none
 * @throws TraceError BAD_OPTION naming the flag, if the file cannot be read
 */
export async function readText(
  flag: string,
  path: string,
  hint = 'Is the name right, and may you read it?',
): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new TraceError(
      'BAD_OPTION',
      `${flag}: ${path} ${isAbsent ? 'is not there' : 'cannot be read'}`,
      { cause: error, hint: isAbsent ? hint : 'Is it a file, and may you read it?' },
    )
  }
}

/** A file that is written in parts and appears under its name at the end, whole or not at all. */
export type WholeFile = Readonly<{
  /** Where the parts are for now. */
  temporary: string
  write(content: string | Uint8Array): Promise<void>
  finish(): Promise<void>
  abandon(): Promise<void>
}>

/** @throws TraceError BAD_OPTION if the folder is not there or may not be written */
export async function createWhole(path: string): Promise<WholeFile> {
  const temporary = temporaryPath(path)
  const handle = await open(temporary, 'wx').catch((error: unknown) => {
    throw new TraceError('BAD_OPTION', `${path} cannot be written here`, {
      hint: 'Is its folder there, and may you write in it?',
      cause: error,
    })
  })
  return {
    temporary,
    write: (content) => handle.writeFile(content),
    async finish() {
      await handle.close()
      await publish(temporary, path)
    },
    async abandon() {
      await handle.close()
      await rm(temporary, { force: true })
    },
  }
}

/** Removes a file; one that is not there is no error. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true })
}

/** The text of a file, or null where there is none that may be read. */
export async function readIfThere(path: string | URL): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null)
}

/** Whether anything has that name, readable or not; only what is surely missing may be made. */
export async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  )
}

/** Names in a folder, sorted; null where there is no such folder. */
export async function listFolder(path: string): Promise<string[] | null> {
  return readdir(path).then(
    (names) => names.toSorted(),
    () => null,
  )
}

/** Makes a folder that was not there before, and those above it. */
export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true })
}

/** Makes one folder, and says whether it is new: two processes cannot both get it. */
export async function claimFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** True if only its owner may read the file. */
export async function isPrivateFile(path: string): Promise<boolean> {
  const { mode } = await stat(path)
  return (mode & 0o077) === 0
}

/** Bytes in a file; null where there is none. */
export async function fileSize(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  )
}

/** True for a file that is there, and can be read at any place: no pipe. */
export async function isPlainFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

/** True for a folder that is there. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/** A copy that appears whole or not at all. */
export async function copyWhole(from: string, to: string): Promise<void> {
  const temporary = temporaryPath(to)
  try {
    await copyFile(from, temporary)
    await publish(temporary, to)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** At most so many bytes from a place in a file. */
export async function readRange(
  path: string,
  offset: number,
  lengthBytes: number,
): Promise<Uint8Array> {
  const handle = await open(path, 'r')
  try {
    const buffer = Buffer.alloc(lengthBytes)
    const { bytesRead } = await handle.read(buffer, 0, lengthBytes, offset)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** A file's bytes from a place on, as they are read. */
export function streamFile(path: string, offset = 0): Readable {
  return createReadStream(path, { start: offset })
}

/** Adds to the end of a file, which is made if it is not there. */
export async function appendStream(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(path, 'a')
  try {
    for await (const chunk of chunks) await handle.writeFile(chunk)
  } finally {
    await handle.close()
  }
}
