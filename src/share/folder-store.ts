/** A folder as a place for traces: its own disk or a mounted one. Effects: reads and writes files. */
import { basename, dirname } from 'node:path'
import { TraceError } from '../base/errors.ts'
import { copyWhole, fileSize, makeFolder, streamFile } from '../base/files.ts'
import { fileDigest } from '../trace/digest.ts'
import type { Store } from './store.ts'

export function folderStore(path: string, isForced: boolean): Store {
  return {
    async put({ path: from, sha256 }) {
      if ((await fileSize(path)) !== null) {
        if ((await fileDigest(path)) === sha256) return true
        if (!isForced) throw new TraceError('OUTPUT_EXISTS', `${path} exists and is another file`)
      }
      await makeFolder(dirname(path))
      await copyWhole(from, path)
      return false
    },
    async find() {
      const sizeBytes = await fileSize(path)
      if (sizeBytes === null) {
        throw new TraceError('TRACE_UNREADABLE', `${path} is not there`, {
          hint: 'Check the name.',
        })
      }
      return {
        name: basename(path),
        sizeBytes,
        sha256: null,
        version: null,
        read: async (fromByte) => ({ fromByte, chunks: streamFile(path, fromByte) }),
      }
    },
    close: async () => {},
  }
}
