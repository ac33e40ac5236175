/** The largest things that are read from a file, each by name, so that none can fill the memory. Pure. */
import { TraceError } from '../base/errors.ts'

export const LIMITS = {
  /** Rows of `request` in one file. */
  MAX_ROWS: 500_000_000,
  MAX_BLOCKS: 100_000_000,
  MAX_EVENTS: 1_000_000,
  MAX_GAPS: 1_000_000,
  MAX_SAMPLES: 200_000_000,
  /** Rows of one Arrow batch. */
  MAX_BATCH_ROWS: 262_144,
  /** Values of one column of one batch, in an Arrow file of another program. */
  MAX_FOREIGN_ROWS: 4_194_304,
  /** All buffers of one Arrow batch that are wanted, after inflating. */
  MAX_BATCH_BYTES: 268_435_456,
  /** One text or JSON value. */
  MAX_TEXT_BYTES: 262_144,
  /** One packed list, e.g. the chunk times of an answer of 8 million tokens. */
  MAX_BLOB_BYTES: 16_777_216,
  /** Inflated bytes over stored bytes of one Arrow buffer; zstd itself reaches about 20,000. */
  MAX_INFLATE_RATIO: 65_536,
  /** One Arrow message's metadata; a part of a small table travels in it. */
  MAX_MESSAGE_BYTES: 16_777_216,
  /** Messages in one Arrow file. */
  MAX_MESSAGES: 1_000_000,
} as const

export type LimitName = keyof typeof LIMITS

/** @throws TraceError TRACE_UNREADABLE naming the limit */
export function keepWithin(limit: LimitName, value: number, path: string): void {
  if (value <= LIMITS[limit]) return
  throw new TraceError(
    'TRACE_UNREADABLE',
    `${path}: ${value} is more than ${limit} = ${LIMITS[limit]} allows`,
    { hint: 'A trace this large is not one that this program writes; is the file damaged?' },
  )
}
