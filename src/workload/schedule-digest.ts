/** The name of a schedule: the same for the same sends, on any machine, with any number of workers. Pure. */
import { createHash, hash } from 'node:crypto'
import { NONE, type Plan, type PlanColumns, type ReplayMode } from './plan.ts'
import { shapeKey } from './shape-table.ts'

/** Changes when the encoding does. */
const DOMAIN = 'trace schedule 1\n'
const ROW_BYTES = 60
const ROWS_A_CHUNK = 16_384

/**
 * SHA-256 over the lines of domain and mode and, for each row in sending order, 60 bytes, little-endian: dueUs u64,
 * seq u32, copy u16, flags u16, promptTokens u32, outputTokens u32, leaf id u64 (0: none), first 8
 * bytes of the SHA-256 of its session's name (0: none), parent's row u32 (2^32 − 1: none), thinkUs
 * f32, abortAt f32, first 8 bytes of the SHA-256 of its shape's canonical text.
 */
export function scheduleDigest(
  columns: PlanColumns,
  { blocks, shapes, sessions }: Pick<Plan, 'blocks' | 'shapes' | 'sessions'>,
  mode: ReplayMode,
): string {
  const digest = createHash('sha256').update(`${DOMAIN}${modeText(mode)}\n`)
  const shapeWords = firstWords(shapes.map(shapeKey))
  const sessionWords = firstWords(sessions)
  const count = columns.dueUs.length
  const chunk = Buffer.alloc(ROW_BYTES * Math.min(count, ROWS_A_CHUNK))
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  for (let first = 0; first < count; first += ROWS_A_CHUNK) {
    const last = Math.min(count, first + ROWS_A_CHUNK)
    for (let row = first; row < last; row += 1) {
      const at = (row - first) * ROW_BYTES
      writeRow(view, at, columns, row)
      const leaf = columns.leaf[row]!
      view.setBigUint64(at + 24, leaf === NONE ? 0n : blocks.id[leaf]!, true)
      const session = columns.session[row]!
      view.setBigUint64(at + 32, session === NONE ? 0n : sessionWords[session]!, true)
      view.setBigUint64(at + 52, shapeWords[columns.shape[row]!]!, true)
    }
    digest.update(chunk.subarray(0, (last - first) * ROW_BYTES))
  }
  return digest.digest('hex')
}

/** 'open', 'session' or 'closed=8'. */
function modeText(mode: ReplayMode): string {
  return mode.kind === 'closed' ? `closed=${mode.concurrency}` : mode.kind
}

function writeRow(view: DataView, at: number, columns: PlanColumns, row: number): void {
  const dueUs = columns.dueUs[row]!
  view.setUint32(at, dueUs % 0x1_0000_0000, true)
  view.setUint32(at + 4, Math.floor(dueUs / 0x1_0000_0000), true)
  view.setUint32(at + 8, columns.seq[row]!, true)
  view.setUint16(at + 12, columns.copy[row]!, true)
  view.setUint16(at + 14, columns.flags[row]!, true)
  view.setUint32(at + 16, columns.promptTokens[row]!, true)
  view.setUint32(at + 20, columns.outputTokens[row]!, true)
  view.setUint32(at + 40, columns.parent[row]!, true)
  view.setFloat32(at + 44, columns.thinkUs[row]!, true)
  view.setFloat32(at + 48, columns.abortAt[row]!, true)
}

function firstWords(texts: readonly string[]): BigUint64Array {
  return BigUint64Array.from(texts, (text) => hash('sha256', text, 'buffer').readBigUInt64LE(0))
}
