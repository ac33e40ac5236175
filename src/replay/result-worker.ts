/**
 * Thread that reads what the answers mean and writes the result, far from the sending threads.
 * Effects: writes the trace file.
 */
import { parentPort, workerData, type MessagePort } from '../base/threads.ts'
import { interpret } from '../stream/interpret.ts'
import type { Observation } from '../stream/observation.ts'
import type { BlockRow, EventRow, RequestRow, SampleRow } from '../trace/columns.ts'
import { canonicalJson } from '../trace/canonical.ts'
import { createTrace } from '../trace/create.ts'
import type { TraceHeader } from '../trace/header.ts'
import type { TraceWriter } from '../trace/trace.ts'
import {
  ABORT_BY_TIME,
  ABORT_BY_TOKENS,
  NONE,
  type Plan,
  type RequestShape,
} from '../workload/plan.ts'
import type { ParentEnd } from './conversation.ts'
import { Family } from './family.ts'
import { countFidelity, newFidelity, type Fidelity } from './fidelity.ts'
import type { FlightResult } from './flight-result.ts'
import { outcomeRow, type RowContext } from './outcome-row.ts'

export type ResultWorkerData = Readonly<{
  plan: Pick<Plan, 'count' | 'columns' | 'shapes' | 'sessions' | 'blocks'>
  models: readonly string[]
  targetNames: readonly string[]
  ports: readonly MessagePort[]
  /** Session mode: where later turns are made; null otherwise. */
  ends: MessagePort | null
  outPath: string
  isForced: boolean
  header: TraceHeader
}>

export type ResultCommand = Readonly<
  | { kind: 'start'; startUs: number }
  | {
      kind: 'finish'
      /** Results that the sending threads have posted in all. */
      expected: number
      lateBodies: number
      fillers: number
      header: Partial<TraceHeader>
      samples: readonly SampleRow[]
      events: readonly EventRow[]
    }
  | { kind: 'abandon' }
>

export type ResultReply = Readonly<
  { kind: 'ready' } | { kind: 'finished'; fidelity: Fidelity } | { kind: 'failed'; message: string }
>

const BLOCKS_PER_WRITE = 10_000
const ROWS_PER_WRITE = 500

class ResultSink {
  readonly #data: ResultWorkerData
  readonly #context: { -readonly [K in keyof RowContext]: RowContext[K] }
  readonly #writer: TraceWriter
  readonly #family: Family | null
  readonly fidelity: Fidelity
  #rows: Partial<RequestRow>[] = []
  #seen = 0
  #writing: Promise<void> = Promise.resolve()

  constructor(data: ResultWorkerData, writer: TraceWriter) {
    const { plan, models, targetNames } = data
    this.#data = data
    this.#writer = writer
    this.#family = data.ends === null ? null : new Family(plan.columns.parent)
    this.#context = { plan, models, targetNames, startUs: 0, depths: depthsOf(plan.blocks.parent) }
    this.fidelity = newFidelity(plan.count)
  }

  get seenCount(): number {
    return this.#seen
  }

  start(startUs: number): void {
    this.#context.startUs = startUs
  }

  add(results: readonly FlightResult[]): void {
    for (const result of results) this.#addOne(result)
    this.#seen += results.length
    if (this.#rows.length >= ROWS_PER_WRITE) this.#write()
  }

  async writeBlocks(): Promise<void> {
    const { id, parent, tokens } = this.#data.plan.blocks
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

  async finish(command: ResultCommand & { kind: 'finish' }): Promise<void> {
    this.fidelity.lateBodies = command.lateBodies
    this.fidelity.fillers = command.fillers
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
    const { columns, shapes } = this.#data.plan
    const { index, capture } = result
    const shape = shapes[columns.shape[index] ?? 0]
    const endpoint = shape?.endpoint ?? 'other'
    const isQuoted = this.#family?.hasChildren(index) === true
    const seen =
      capture === null
        ? null
        : interpret(capture, { endpoint, isStream: shape?.isStream === true, keepAnswer: isQuoted })
    if (isQuoted) this.#tellEnd(result, seen)
    const row = outcomeRow(this.#context, result, seen)
    // An interrupted run keeps what it sent; the rest of the plan did not happen.
    if (result.fault === 'interrupted' && Number.isNaN(result.writtenAtUs)) return
    const flags = columns.flags[index] ?? 0
    countFidelity(this.fidelity, row, {
      promptTokens: columns.promptTokens[index] ?? 0,
      outputTokens: (columns.outputTokens[index] ?? 0) * choicesOf(shape),
      abortTokens: (flags & ABORT_BY_TOKENS) === 0 ? 0 : (columns.abortAt[index] ?? 0),
      isHangUp: (flags & (ABORT_BY_TIME | ABORT_BY_TOKENS)) !== 0,
    })
    this.#rows.push(row)
  }

  /** A later turn is due its think time after this, whatever became of it. */
  #tellEnd({ index, dueUs, capture, fault }: FlightResult, seen: Observation | null): void {
    const endedAtUs = (seen?.endAtUs ?? capture?.endAtUs ?? dueUs) - this.#context.startUs
    const isWhole = fault === 'none' && seen?.outcome === 'ok'
    const end: ParentEnd = {
      index,
      endedAtUs,
      answerText: isWhole ? seen.answerText : null,
      answerTokenIds: isWhole ? seen.answerTokenIds : null,
    }
    this.#data.ends?.postMessage(end)
  }

  #write(): void {
    const rows = this.#rows
    this.#rows = []
    this.#writing = this.#writing.then(async () => this.#writer.addRequests(rows))
  }
}

/** Only these two take an n. */
function choicesOf(shape: RequestShape | undefined): number {
  return shape?.endpoint === 'chat' || shape?.endpoint === 'completions' ? shape.n : 1
}

function depthsOf(parent: Uint32Array): Uint32Array {
  const depths = new Uint32Array(parent.length)
  for (const [at, above] of parent.entries())
    depths[at] = above === NONE ? 1 : (depths[above] ?? 0) + 1
  return depths
}

async function run(data: ResultWorkerData, port: MessagePort): Promise<void> {
  const writer = await createTrace(data.outPath, data.header, { force: data.isForced })
  const sink = new ResultSink(data, writer)
  await sink.writeBlocks()
  const state = { finish: null as (ResultCommand & { kind: 'finish' }) | null }
  const finishIfWhole = async () => {
    const command = state.finish
    if (command === null || sink.seenCount < command.expected) return
    state.finish = null
    await sink.finish(command)
    port.postMessage({ kind: 'finished', fidelity: sink.fidelity } satisfies ResultReply)
  }
  const guard = (work: Promise<void>) =>
    void work.catch(async (error: unknown) => {
      await writer.abandon()
      port.postMessage({
        kind: 'failed',
        message: String((error as Error).stack),
      } satisfies ResultReply)
    })
  for (const each of data.ports) {
    each.on('message', (results: readonly FlightResult[]) => {
      sink.add(results)
      guard(finishIfWhole())
    })
  }
  port.on('message', (command: ResultCommand) => {
    if (command.kind === 'start') sink.start(command.startUs)
    else if (command.kind === 'abandon') guard(writer.abandon())
    else {
      state.finish = command
      guard(finishIfWhole())
    }
  })
  port.postMessage({ kind: 'ready' } satisfies ResultReply)
}

if (parentPort !== null) await run(workerData as ResultWorkerData, parentPort)
