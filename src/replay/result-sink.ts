/** What finished requests become: rows, counts, and the ends that later turns wait for. Effects: writes through a trace writer. */
import type { MessagePort } from '../base/threads.ts'
import { interpret } from '../stream/interpret.ts'
import type { Observation } from '../stream/observation.ts'
import { canonicalJson } from '../trace/canonical.ts'
import type { BlockRow, EventRow, RequestRow, SampleRow } from '../trace/columns.ts'
import type { TraceHeader } from '../trace/header.ts'
import type { TraceWriter } from '../trace/trace.ts'
import {
  ABORT_BY_TIME,
  ABORT_BY_TOKENS,
  NONE,
  type Plan,
  type RequestShape,
} from '../workload/plan.ts'
import type { FillerCounts, ParentEnd } from './conversation.ts'
import { Family } from './family.ts'
import { countFidelity, newFidelity, type Fidelity, type PlannedSizes } from './fidelity.ts'
import type { FlightResult } from './flight-result.ts'
import { LiveResults, type RowBound } from './live-results.ts'
import { outcomeRow, rowNumber, type RowContext } from './outcome-row.ts'
import { PrefixWatch, type PrefixFacts } from './prefix-gap.ts'
import { answersOf, wasStructured } from './request-body.ts'

export type ResultPlan = Pick<
  Plan,
  'count' | 'columns' | 'shapes' | 'sessions' | 'blocks' | 'shard'
>

export type SinkOptions = Readonly<{
  plan: ResultPlan
  models: readonly string[]
  targetNames: readonly string[]
  /** Session mode: where later turns are made; null otherwise. */
  ends: MessagePort | null
  /** null: hits are not looked at. */
  prefix: PrefixFacts | null
  /** Memory of LiveResults, for whoever watches the run. */
  live: SharedArrayBuffer
  bounds: readonly RowBound[]
}>

/** What is known only when everything has ended. */
export type RunEnd = Readonly<{
  lateBodies: number
  fillers: FillerCounts
  header: Partial<TraceHeader>
  samples: readonly SampleRow[]
  events: readonly EventRow[]
}>

const BLOCKS_PER_WRITE = 10_000
const ROWS_PER_WRITE = 500

export class ResultSink {
  readonly #options: SinkOptions
  readonly #context: { -readonly [K in keyof RowContext]: RowContext[K] }
  readonly #writer: TraceWriter
  readonly #family: Family | null
  readonly #live: LiveResults
  readonly #prefix: PrefixWatch | null
  readonly fidelity: Fidelity
  #rows: Partial<RequestRow>[] = []
  #seen = 0
  #retries = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(options: SinkOptions, writer: TraceWriter) {
    const { plan, models, targetNames, live, prefix } = options
    this.#options = options
    this.#writer = writer
    this.#family = options.ends === null ? null : new Family(plan.columns.parent)
    this.#live = new LiveResults(plan.count, live)
    this.#prefix = prefix === null ? null : new PrefixWatch(plan, prefix, options.ends !== null)
    const { shard } = plan
    const depths = depthsOf(plan.blocks.parent)
    this.#context = { plan, shard, models, targetNames, startUs: 0, depths }
    this.fidelity = newFidelity(plan.count)
  }

  get seenCount(): number {
    return this.#seen
  }

  /** @param startUs absolute instant of due 0 */
  add(results: readonly FlightResult[], startUs: number): void {
    this.#context.startUs = startUs
    for (const result of results) this.#addOne(result)
    this.#seen += results.length
    if (this.#rows.length >= ROWS_PER_WRITE) this.#write()
  }

  async writeBlocks(): Promise<void> {
    const { id, parent, tokens } = this.#options.plan.blocks
    for (let from = 0; from < id.length; from += BLOCKS_PER_WRITE) {
      const rows: BlockRow[] = []
      for (let at = from; at < Math.min(from + BLOCKS_PER_WRITE, id.length); at += 1) {
        const parentIndex = parent[at] ?? NONE
        rows.push({
          id: id[at] ?? 0n,
          parent: parentIndex === NONE ? null : (id[parentIndex] ?? null),
          tokens: tokens[at] ?? 0,
        })
      }
      await this.#writer.addBlocks(rows)
    }
  }

  async finish(command: RunEnd): Promise<void> {
    this.fidelity.lateBodies = command.lateBodies
    this.fidelity.fillers = command.fillers
    this.fidelity.prefix = this.#prefix?.finish(command.samples) ?? null
    this.#write()
    await this.#writing
    await this.#writer.addEvents([...command.events, this.#fidelityEvent(command.events)])
    await this.#writer.addSamples(command.samples)
    await this.#writer.finish(command.header)
  }

  #fidelityEvent(events: readonly EventRow[]): EventRow {
    const atUs = events.reduce((latest, event) => Math.max(latest, event.atUs), 0)
    return { atUs, kind: 'fidelity', detail: canonicalJson(this.fidelity) }
  }

  #addOne(result: FlightResult): void {
    const { index, capture } = result
    const shape = this.#shapeOf(index)
    const isQuoted = this.#family?.hasChildren(index) === true
    const { endpoint, isStream } = shape
    const seen =
      capture === null ? null : interpret(capture, { endpoint, isStream, keepAnswer: isQuoted })
    if (isQuoted && result.isFinal) this.#tellEnd(result, seen)
    // An interrupted run keeps what it sent; the rest of the plan did not happen.
    if (result.fault === 'interrupted' && Number.isNaN(result.writtenAtUs)) return
    const row = { ...outcomeRow(this.#context, result, seen), ...this.#attempt(result) }
    this.#rows.push(row)
    if (result.isFinal) {
      countFidelity(this.fidelity, row, this.#planned(index, shape))
      this.#prefix?.add(index, row)
      this.#live.add(index, row, this.#options.bounds)
    } else this.fidelity.retried += 1
  }

  /** Reads answers that nobody asked for, so that those that count are not the first. */
  warmUp(results: readonly FlightResult[]): void {
    if (this.#options.plan.count === 0) return
    for (const result of results) {
      const { capture } = result
      if (capture === null) continue
      const how = { endpoint: 'completions', isStream: true, keepAnswer: false } as const
      outcomeRow(this.#context, result, interpret(capture, how))
    }
  }

  #shapeOf(index: number): RequestShape {
    const { columns, shapes } = this.#options.plan
    const shape = shapes[columns.shape[index]!]
    if (shape === undefined) throw new Error(`no shape of request ${index}`)
    return shape
  }

  #planned(index: number, shape: RequestShape): PlannedSizes {
    const { promptTokens, outputTokens, abortAt, flags } = this.#options.plan.columns
    const flag = flags[index]!
    return {
      promptTokens: promptTokens[index]!,
      outputTokens: outputTokens[index]! * answersOf(shape),
      abortTokens: (flag & ABORT_BY_TOKENS) === 0 ? 0 : abortAt[index]!,
      isHangUp: (flag & (ABORT_BY_TIME | ABORT_BY_TOKENS)) !== 0,
      isStructured: wasStructured(shape),
    }
  }

  /** A later turn is due its think time after this, whatever became of it. */
  #tellEnd({ index, fault, ...result }: FlightResult, seen: Observation | null): void {
    const endedAtUs = result.endedAtUs - this.#context.startUs
    const isWhole = fault === 'none' && seen?.outcome === 'ok'
    const isHungUp = !Number.isNaN(result.abortAtUs)
    const end: ParentEnd = {
      index,
      endedAtUs,
      answerText: isWhole ? seen.answerText : null,
      answerTokenIds: isWhole ? seen.answerTokenIds : null,
      responseId: isWhole ? seen.responseId : null,
      cut: isWhole ? null : isHungUp ? 'hungUp' : 'failed',
    }
    this.#options.ends?.postMessage(end)
  }

  /** Every try is a row of its own; those after the first stand behind the plan's rows. */
  #attempt({ index, attempt }: FlightResult): Partial<RequestRow> {
    if (attempt === 0) return { attempt: 0 }
    this.#retries += 1
    const { count, shard } = this.#options.plan
    const seq = rowNumber(shard, count - 1 + this.#retries)
    return { seq, attemptOf: rowNumber(shard, index), attempt }
  }

  #write(): void {
    const rows = this.#rows
    this.#rows = []
    this.#writing = this.#writing.then(async () => this.#writer.addRequests(rows))
  }
}

function depthsOf(parent: Uint32Array): Uint32Array {
  const depths = new Uint32Array(parent.length)
  for (const [at, above] of parent.entries())
    depths[at] = above === NONE ? 1 : (depths[above] ?? 0) + 1
  return depths
}
