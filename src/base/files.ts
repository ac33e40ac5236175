/** Files that appear whole or not at all. Effects: reads and writes the disk. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
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

/** @throws TraceError OUTPUT_EXISTS unless `force` */
export function refuseExisting(path: string, force: boolean): void {
  if (!force && existsSync(path)) {
    throw new TraceError('OUTPUT_EXISTS', `${path} exists already`)
  }
}

/** @throws TraceError BAD_OPTION naming the flag, if the file cannot be read */
export async function readText(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : 'cannot be read'
    throw new TraceError('BAD_OPTION', `${flag}: ${path} ${reason}`, { cause: error })
  }
}
