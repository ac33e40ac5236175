/** Reads named columns of an Arrow file that another program wrote. Pure; behind the Arrow door. */
import { zstdDecompressSync } from 'node:zlib'
import { compressionRegistry, CompressionType, tableFromIPC } from 'apache-arrow'
import { TraceError } from '../base/errors.ts'
import { memorySource } from './arrow-file.ts'
import { checkFrames } from './arrow-frames.ts'
import { LIMITS, keepWithin } from './limits.ts'

export type ForeignColumns = Readonly<{
  rowCount: number
  /** Only those that the file has; nulls are null, 64-bit numbers bigints. */
  columns: Readonly<Record<string, readonly unknown[]>>
}>

/** @throws TraceError TRACE_UNREADABLE */
export function readArrowColumns(bytes: Uint8Array, names: readonly string[]): ForeignColumns {
  const source = memorySource('its Arrow data', bytes)
  checkFrames(source)
  let inflatedBytes = 0
  compressionRegistry.set(CompressionType.ZSTD, {
    decode(packed) {
      const inflated = zstdDecompressSync(packed, { maxOutputLength: LIMITS.MAX_BATCH_BYTES })
      inflatedBytes += inflated.length
      keepWithin('MAX_BATCH_BYTES', inflatedBytes, source.path)
      return inflated
    },
  })
  try {
    const table = tableFromIPC(bytes)
    const columns: Record<string, readonly unknown[]> = {}
    for (const name of names) {
      const vector = table.getChild(name)
      if (vector === null) continue
      let valueBytes = 0
      columns[name] = Array.from(vector, (value: unknown) => {
        // Values may overlap in their buffer, so a small file can hold far more than its size.
        valueBytes += sizeOf(value)
        keepWithin('MAX_BATCH_BYTES', valueBytes, source.path)
        return plainValue(value)
      })
    }
    return { rowCount: table.numRows, columns }
  } catch (error) {
    if (error instanceof TraceError) throw error
    throw new TraceError('TRACE_UNREADABLE', 'its Arrow data cannot be read', {
      hint: "Is it whole, and packed with zstd or not at all? pandas: compression='zstd'.",
      cause: error,
    })
  }
}

function sizeOf(value: unknown): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 0
}

/** A list column gives vectors of its own; bytes stay bytes. */
function plainValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return value
  const isList = typeof value === 'object' && value !== null && Symbol.iterator in value
  return isList ? Array.from(value as Iterable<unknown>) : value
}
