/** Every latency of docs/metrics.md, gathered row by row from a trace. Pure. */
import { GroupedSketch } from '../stats/grouped-sketch.ts'
import { GrowingColumn, known } from '../stats/growing.ts'
import { QuantileSketch } from '../stats/sketch.ts'
import { dueOffsetUs, interChunkUs, normalisedUs, tpotUs } from '../stream/latency.ts'
import { decodeChunkTimes } from '../trace/chunk-times.ts'
import { decodeChunkTokens } from '../trace/chunk-tokens.ts'
import type { ColumnsOf, RequestColumn } from '../trace/columns.ts'
import { outcomeClass } from '../trace/outcome-class.ts'
import type { RequestBatch } from '../trace/trace.ts'

export const LATENCY_COLUMNS = [
  'atUs',
  'lagUs',
  'uploadUs',
  'connectUs',
  'connection',
  'outcome',
  'stream',
  'outputTokens',
  'ttftUs',
  'firstContentUs',
  'e2eUs',
  'stallUs',
  'chunkTimes',
  'chunkTokens',
] as const satisfies readonly RequestColumn[]

type ChunkColumn = 'chunkTimes' | 'chunkTokens'

/** Chunk columns may be left out where there are too many to unpack. */
export type LatencyBatch = RequestBatch<Exclude<(typeof LATENCY_COLUMNS)[number], ChunkColumn>> &
  Readonly<{ columns: Partial<ColumnsOf<'request', ChunkColumn>> }>

export const PER_REQUEST = [
  'ttft',
  'ttftDue',
  'ttfc',
  'e2e',
  'e2eDue',
  'tpot',
  'ntpot',
  'lag',
  'connect',
] as const
export type PerRequestName = (typeof PER_REQUEST)[number]

export class LatencyWatch {
  /**
   * One value a row, in order of due time, µs; NaN where the row has none. `…Due` counts from due,
   * the others from sent.
   */
  readonly columns = Object.fromEntries(
    PER_REQUEST.map((name) => [name, new GrowingColumn()]),
  ) as Readonly<Record<PerRequestName, GrowingColumn>>
  /** Gaps between token-bearing events, one for each gap. */
  readonly interChunk = new QuantileSketch()
  /** The same spread over the tokens that each event carried, one for each token. */
  readonly interToken = new QuantileSketch()
  /** The same by request, for intervals. */
  readonly tokenGroups = new GroupedSketch()
  /** Rows kept out of the three above because a slow reader stalled them. */
  stalledCount = 0
  /** Requests whose gaps they hold. */
  streamCount = 0
  newConnectionCount = 0
  /** Events of answers whose total was told and whose events were not, and those totals. */
  #plainEvents = 0
  #plainTokens = 0
  readonly #keepsAll: boolean

  /** @param keepsAll false keeps only ttft, e2e and tpot, which is what an inspection shows */
  constructor(keepsAll = true) {
    this.#keepsAll = keepsAll
  }

  add({ columns }: LatencyBatch, row: number): void {
    const isStream = columns.stream[row] === 1
    const isWhole = outcomeClass(columns.outcome[row] ?? null) === 'whole'
    const lagUs = columns.lagUs[row]!
    const offsetUs = dueOffsetUs({
      lagUs: nullable(lagUs),
      uploadUs: nullable(columns.uploadUs[row]!),
    })
    const ttftUs = isStream ? columns.ttftUs[row]! : Number.NaN
    const e2eUs = isWhole ? columns.e2eUs[row]! : Number.NaN
    const tokens = nullable(columns.outputTokens[row]!)
    this.columns.ttft.push(ttftUs)
    this.columns.e2e.push(e2eUs)
    this.columns.tpot.push(tpotUs(nullable(ttftUs), nullable(e2eUs), tokens) ?? Number.NaN)
    if (columns.connection[row] === 'new') this.newConnectionCount += 1
    this.#addGaps(columns, row)
    if (!this.#keepsAll) return
    this.columns.ttftDue.push(ttftUs + offsetUs)
    this.columns.ttfc.push(isStream ? columns.firstContentUs[row]! : Number.NaN)
    this.columns.e2eDue.push(e2eUs + offsetUs)
    this.columns.ntpot.push(normalisedUs(nullable(e2eUs), tokens) ?? Number.NaN)
    this.columns.lag.push(lagUs)
    this.columns.connect.push(columns.connectUs[row]!)
  }

  /** A batch of rows for an inspection: only what `keepsAll` = false keeps, column by column. */
  addAll({ rowCount, columns }: LatencyBatch): void {
    const { stream, outcome, ttftUs, e2eUs, outputTokens } = columns
    const { ttft, e2e, tpot } = this.columns
    for (let row = 0; row < rowCount; row += 1) {
      const firstUs = stream[row] === 1 ? ttftUs[row]! : Number.NaN
      const endUs = outcomeClass(outcome[row] ?? null) === 'whole' ? e2eUs[row]! : Number.NaN
      const tokens = nullable(outputTokens[row]!)
      ttft.push(firstUs)
      e2e.push(endUs)
      tpot.push(tpotUs(nullable(firstUs), nullable(endUs), tokens) ?? Number.NaN)
    }
    if (columns.chunkTimes === undefined) return
    for (let row = 0; row < rowCount; row += 1) this.#addGaps(columns, row)
  }

  /** Tokens in an event where only the answer's total was told; each counts as one between tokens. */
  get tokensAnEvent(): number {
    return this.#plainEvents === 0 ? 1 : this.#plainTokens / this.#plainEvents
  }

  #addGaps(columns: LatencyBatch['columns'], row: number): void {
    const packed = columns.chunkTimes?.[row]
    if (!packed || packed.length === 0) return
    if (columns.stallUs[row]! > 0) {
      this.stalledCount += 1
      return
    }
    const gapsUs = interChunkUs(decodeChunkTimes(packed))
    if (gapsUs.length === 0) return
    const packedTokens = columns.chunkTokens?.[row]
    const tokens = packedTokens ? decodeChunkTokens(packedTokens) : null
    this.streamCount += 1
    if (tokens === null) {
      this.#plainEvents += gapsUs.length + 1
      this.#plainTokens += columns.outputTokens[row]! || gapsUs.length + 1
    }
    this.tokenGroups.begin()
    for (let gap = 0; gap < gapsUs.length; gap += 1) {
      const tokenCount = tokens?.[gap + 1] ?? 1
      this.interChunk.add(gapsUs[gap]!)
      if (tokenCount === 0) continue
      this.interToken.add(gapsUs[gap]! / tokenCount, tokenCount)
      this.tokenGroups.add(gapsUs[gap]! / tokenCount, tokenCount)
    }
  }
}

/** The values that are there, still in order; a view where that is all. */
export function present(column: GrowingColumn): Float64Array {
  return known(column.view())
}

function nullable(value: number): number | null {
  return Number.isNaN(value) ? null : value
}
