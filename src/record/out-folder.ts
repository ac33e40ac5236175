/** What `--out` may name. Effects: looks at the disk. */
import { dirname } from 'node:path'
import { TraceError } from '../base/errors.ts'
import { fileSize, isFolder } from '../base/files.ts'

/**
 * A folder that cannot be made now may be made later; a file that somebody keeps there, or above
 * it, stays for good.
 *
 * @throws TraceError BAD_OPTION where a file has its name, or that of a folder above it
 */
export async function checkOutFolder(directory: string): Promise<void> {
  const named = directory.replace(/\/+$/, '')
  let lowest = named
  while ((await fileSize(lowest)) === null) {
    if (dirname(lowest) === lowest) return
    lowest = dirname(lowest)
  }
  if (await isFolder(lowest)) return
  const what =
    lowest === named
      ? 'is a file, and a recording is a folder'
      : `cannot be made: ${lowest} is a file`
  throw new TraceError('BAD_OPTION', `--out ${directory} ${what}`, {
    hint: 'Name a folder that is there, or one to make.',
  })
}
