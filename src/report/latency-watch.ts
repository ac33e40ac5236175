/** Every latency of docs/metrics.md, gathered row by row from a trace. Pure. */
import { GrowingColumn } from '../stats/growing.ts'
import { QuantileSketch } from '../stats/sketch.ts'
import { decodeChunkTimes } from '../trace/chunk-times.ts'
import { decodeChunkTokens } from '../trace/chunk-tokens.ts'
import type { RequestColumn } from '../trace/columns.ts'
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

export type LatencyBatch = RequestBatch<(typeof LATENCY_COLUMNS)[number]>

/** One value a request, in order of due time, µs. `…Due` counts from due, the others from sent. */
export type PerRequest = Readonly<
  Record<
    'ttft' | 'ttftDue' | 'ttfc' | 'e2e' | 'e2eDue' | 'tpot' | 'ntpot' | 'lag' | 'connect',
    GrowingColumn
  >
>

export class LatencyWatch {
  readonly values: PerRequest = {
    ttft: new GrowingColumn(),
    ttftDue: new GrowingColumn(),
    ttfc: new GrowingColumn(),
    e2e: new GrowingColumn(),
    e2eDue: new GrowingColumn(),
    tpot: new GrowingColumn(),
    ntpot: new GrowingColumn(),
    lag: new GrowingColumn(),
    connect: new GrowingColumn(),
  }
  /** Gaps between token-bearing events, one for each gap. */
  readonly interChunk = new QuantileSketch()
  /** The same spread over the tokens that each event carried, one for each token. */
  readonly interToken = new QuantileSketch()
  /** Rows kept out of the two above because a slow reader stalled them. */
  stalledCount = 0
  /** Requests whose gaps they hold. */
  streamCount = 0
  newConnectionCount = 0

  add({ columns }: LatencyBatch, row: number): void {
    const lagUs = columns.lagUs[row]!
    if (!Number.isNaN(lagUs)) this.values.lag.push(lagUs)
    if (columns.connection[row] === 'new') this.newConnectionCount += 1
    push(this.values.connect, columns.connectUs[row]!)
    const sinceDueUs = orZero(lagUs) + orZero(columns.uploadUs[row]!)
    const ttftUs = columns.ttftUs[row]!
    if (columns.stream[row] === 1) {
      push(this.values.ttft, ttftUs)
      push(this.values.ttftDue, ttftUs + sinceDueUs)
      push(this.values.ttfc, columns.firstContentUs[row]!)
    }
    this.#addGaps(columns, row)
    if (columns.outcome[row] !== 'ok') return
    const e2eUs = columns.e2eUs[row]!
    const tokens = columns.outputTokens[row]!
    push(this.values.e2e, e2eUs)
    push(this.values.e2eDue, e2eUs + sinceDueUs)
    if (tokens > 0) push(this.values.ntpot, e2eUs / tokens)
    if (tokens > 1 && columns.stream[row] === 1) {
      push(this.values.tpot, (e2eUs - ttftUs) / (tokens - 1))
    }
  }

  #addGaps(columns: LatencyBatch['columns'], row: number): void {
    const packed = columns.chunkTimes[row]
    if (!packed || packed.length === 0) return
    if (columns.stallUs[row]! > 0) {
      this.stalledCount += 1
      return
    }
    const timesUs = decodeChunkTimes(packed)
    const packedTokens = columns.chunkTokens[row]
    const tokens = packedTokens ? decodeChunkTokens(packedTokens) : null
    if (timesUs.length > 1) this.streamCount += 1
    for (let chunk = 1; chunk < timesUs.length; chunk += 1) {
      const gapUs = timesUs[chunk]! - timesUs[chunk - 1]!
      const tokenCount = tokens?.[chunk] ?? 1
      this.interChunk.add(gapUs)
      if (tokenCount > 0) this.interToken.add(gapUs / tokenCount, tokenCount)
    }
  }
}

function push(column: GrowingColumn, value: number): void {
  if (!Number.isNaN(value)) column.push(value)
}

function orZero(value: number): number {
  return Number.isNaN(value) ? 0 : value
}
