/** One pass over a trace: what a report keeps of each row, column by column. Pure but for the reader. */
import { GrowingColumn, NameColumn } from '../stats/growing.ts'
import type { RequestColumn } from '../trace/columns.ts'
import { classOfCode, outcomeCode } from '../trace/outcome-class.ts'
import type { RequestBatch, TraceReader } from '../trace/trace.ts'
import { LATENCY_COLUMNS, LatencyWatch } from './latency-watch.ts'
import { Tally } from './tally.ts'
import { TtftPartsWatch } from './ttft-parts.ts'

const SIDE_COLUMNS = [
  ...LATENCY_COLUMNS,
  'seq',
  'sourceSeq',
  'copy',
  'endpoint',
  'n',
  'inputCount',
  'promptTokens',
  'cachedTokens',
  'maxTokens',
  'finishReason',
  'tokenSource',
  'abortUs',
  'status',
  'tenant',
  'model',
  'serverQueueUs',
  'serverTtftUs',
] as const satisfies readonly RequestColumn[]

type SideBatch = RequestBatch<(typeof SIDE_COLUMNS)[number]>

const PER_ROW = [
  'at',
  'seq',
  'source',
  'copy',
  'prompt',
  'cached',
  'output',
  'outcome',
  'end',
] as const

/** Routes where `n` makes the server read the prompt n times. */
const COUNTED_BY_CHOICE: ReadonlySet<string | null> = new Set(['chat', 'completions'])

/** Everything in order of (due, seq); NaN where a row has none. Times µs. */
export class SideWatch {
  readonly latency = new LatencyWatch()
  readonly ttftParts = new TtftPartsWatch()
  readonly columns = Object.fromEntries(
    PER_ROW.map((name) => [name, new GrowingColumn()]),
  ) as Readonly<Record<(typeof PER_ROW)[number], GrowingColumn>>
  readonly outcomes = new Tally()
  readonly finishReasons = new Tally()
  readonly statuses = new Tally()
  readonly tokenSources = new Tally()
  readonly tenants = new NameColumn()
  readonly models = new NameColumn()
  streamCount = 0
  /** Of the requests that were sent, each prompt once. */
  promptTokens = 0
  /** The same as a server counts them: once for each choice asked for. */
  promptReads = 0
  /** Choices and inputs beyond the first of each request: a server may count each as one. */
  extraChoices = 0
  /** Whole streams in which nobody counted tokens. */
  uncountedCount = 0
  /** Whole answers of which only the events were counted. */
  eventCountedCount = 0
  /** Rows of the trace that do not count. */
  leftOutCount = 0

  add(batch: SideBatch, row: number): void {
    const { columns } = batch
    this.latency.add(batch, row)
    const outcome = columns.outcome[row] ?? 'unknown'
    this.columns.at.push(columns.atUs[row]!)
    this.columns.seq.push(columns.seq[row]!)
    this.columns.source.push(columns.sourceSeq[row]!)
    this.columns.copy.push(columns.copy[row]!)
    this.columns.prompt.push(columns.promptTokens[row]!)
    this.columns.cached.push(columns.cachedTokens[row]!)
    this.columns.output.push(columns.outputTokens[row]!)
    this.columns.outcome.push(outcomeCode(columns.outcome[row] ?? null))
    this.columns.end.push(endOf(columns, row))
    this.outcomes.add(outcome)
    this.finishReasons.add(columns.finishReason[row]!)
    this.tokenSources.add(columns.tokenSource[row] ?? 'unknown')
    this.tenants.push(columns.tenant[row]!)
    this.models.push(columns.model[row]!)
    const status = columns.status[row]!
    this.statuses.add(Number.isNaN(status) ? null : String(status))
    if (columns.stream[row] === 1) {
      this.streamCount += 1
      const { ttftUs, serverQueueUs, serverTtftUs } = columns
      this.ttftParts.add(columns.seq[row]!, ttftUs[row]!, serverQueueUs[row]!, serverTtftUs[row]!)
    }
    const choices = COUNTED_BY_CHOICE.has(columns.endpoint[row]!) ? columns.n[row]! || 1 : 1
    const sentTokens = outcome === 'not_sent' ? 0 : columns.promptTokens[row]! || 0
    this.promptTokens += sentTokens
    this.promptReads += sentTokens * choices
    this.extraChoices += choices * (columns.inputCount[row]! || 1) - 1
    const source = columns.tokenSource[row]
    if (outcome === 'ok' && source === null) this.uncountedCount += 1
    if (outcome === 'ok' && source === 'stream') this.eventCountedCount += 1
  }
}

/** Since the origin: when the last token came, or the hang-up; NaN where nothing is known. */
function endOf(columns: SideBatch['columns'], row: number): number {
  const lastUs = columns.e2eUs[row]!
  const sinceSentUs = Number.isNaN(lastUs) ? columns.abortUs[row]! : lastUs
  return (
    columns.atUs[row]! + (columns.lagUs[row]! || 0) + (columns.uploadUs[row]! || 0) + sinceSentUs
  )
}

export function wasSent({ columns }: SideWatch, row: number): boolean {
  return classOfCode(columns.outcome.view()[row]!) !== 'not_sent'
}

/** Says of a row by its due instant and number whether it counts. */
export type Keep = (atUs: number, seq: number) => boolean

/** @param keep rows that count; all unless said */
export async function watchSide(reader: TraceReader, keep: Keep = () => true): Promise<SideWatch> {
  const watch = new SideWatch()
  for await (const batch of reader.requests(SIDE_COLUMNS)) {
    const { atUs, seq } = batch.columns
    for (let row = 0; row < batch.rowCount; row += 1) {
      if (keep(atUs[row]!, seq[row]!)) watch.add(batch, row)
      else watch.leftOutCount += 1
    }
  }
  return watch
}
