/** What `--out` may name. Effects: looks at the disk. */
import { TraceError } from '../base/errors.ts'
import { fileSize, isFolder } from '../base/files.ts'

/**
 * A folder that cannot be made now may be made later; a file that somebody keeps there stays for good.
 *
 * @throws TraceError BAD_OPTION where a file has the folder's name
 */
export async function checkOutFolder(directory: string): Promise<void> {
  if ((await fileSize(directory)) === null || (await isFolder(directory))) return
  throw new TraceError('BAD_OPTION', `--out ${directory} is a file, and a recording is a folder`, {
    hint: 'Name a folder that is there, or one to make.',
  })
}
