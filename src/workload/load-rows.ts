/** Reads the rows of a trace that will be sent, as plan columns on the trace's own clock. */
import type { EndpointName } from '../trace/columns.ts'
import type { RequestBatch, TraceReader } from '../trace/trace.ts'
import type { WorkloadOptions } from './options.ts'
import { halvesOf } from './block-index.ts'
import type { BlockTable } from './block-table.ts'
import { allocateColumns, resizeColumns } from './plan-columns.ts'
import { NONE, type PlanColumns, type RequestShape } from './plan.ts'
import { SessionTable } from './session-table.ts'
import { OUTPUT_UNKNOWN } from './source-flags.ts'
import { ShapeTable } from './shape-table.ts'
import { SizeLearner, type SizeRatios } from './size-learner.ts'
import {
  isSent,
  readSizes,
  SOURCE_COLUMNS,
  steadyColumns,
  type SourceColumns,
} from './source-row.ts'

export type SourceRows = Readonly<{
  /**
   * In source order; `dueUs` is the arrival since `firstUs`, `thinkUs` the time since the end of the
   * parent's answer. Sizes may still be unknown: see source-flags.ts.
   */
  columns: PlanColumns
  shapes: readonly RequestShape[]
  sessions: readonly string[]
  /** Bytes a token, as far as the rows say. */
  ratios: SizeRatios
  /** The instant of the trace's clock that is 0 in the plan. */
  firstUs: number
  skipped: Readonly<Record<string, number>>
}>

type LoadOptions = Pick<WorkloadOptions, 'fromUs' | 'toUs' | 'failed' | 'abortAt' | 'mode'>

const FIRST_CAPACITY = 4_096
/** seq is kept in 32 bits; more rows than that are several traces. */
const MAX_ROWS = NONE - 1

/** Reads no further than the window; `rowLimit` is how many rows can matter at all. */
export async function loadRows(
  reader: TraceReader,
  options: LoadOptions,
  leafOf: BlockTable['indexAt'],
  rowLimit = MAX_ROWS,
): Promise<SourceRows> {
  const isWhole = options.fromUs === null && options.toUs === null && rowLimit === MAX_ROWS
  const known = isWhole ? reader.header.counts?.request : undefined
  const loader = new Loader(
    reader.header.kind === 'replayed',
    options,
    leafOf,
    known ?? FIRST_CAPACITY,
  )
  for await (const batch of reader.requests(SOURCE_COLUMNS)) {
    if (!loader.add(batch, rowLimit)) break
  }
  return loader.finish()
}

type Batch = RequestBatch<(typeof SOURCE_COLUMNS)[number]>

class Loader {
  readonly #options: LoadOptions
  readonly #isReplay: boolean
  readonly #shapes = new ShapeTable()
  readonly #sessions = new SessionTable()
  readonly #learner = new SizeLearner()
  readonly #leafOf: BlockTable['indexAt']
  readonly #skipped: Record<string, number> = {}
  #columns: PlanColumns
  #count = 0
  #firstUs: number | null

  constructor(
    isReplay: boolean,
    options: LoadOptions,
    leafOf: BlockTable['indexAt'],
    capacity: number,
  ) {
    this.#leafOf = leafOf
    this.#isReplay = isReplay
    this.#options = options
    this.#firstUs = options.fromUs
    this.#columns = allocateColumns(capacity)
  }

  /** @returns false once nothing later can matter */
  add({ rowCount, columns: read }: Batch, rowLimit: number): boolean {
    const columns = steadyColumns(read)
    const leaves = halvesOf(columns.prefixLeaf)
    const hasThinkTimes = this.#options.mode.kind === 'session'
    const fromUs = this.#options.fromUs ?? -Infinity
    const toUs = this.#options.toUs ?? Infinity
    for (let row = 0; row < rowCount; row += 1) {
      const atUs = columns.atUs[row]!
      if (atUs < fromUs) continue
      if (atUs >= toUs || this.#count === rowLimit) return false
      const reason = isSent(columns, row, this.#isReplay, this.#options.failed)
      if (reason === null) this.#addRow(columns, row, leaves, hasThinkTimes)
      else this.#skipped[reason] = (this.#skipped[reason] ?? 0) + 1
    }
    return true
  }

  #addRow(source: SourceColumns, row: number, leaves: Uint32Array, hasThinkTimes: boolean): void {
    const at = this.#count
    if (at === this.#columns.dueUs.length) this.#columns = resizeColumns(this.#columns, at * 2)
    const to = this.#columns
    this.#firstUs ??= source.atUs[row]!
    to.dueUs[at] = source.atUs[row]! - this.#firstUs
    to.seq[at] = source.seq[row]!
    to.copy[at] = 0
    to.leaf[at] = this.#leafOf(leaves, row)
    readSizes(source, row, to, at, this.#options.abortAt)
    const shape = shapeOf(source, row)
    // A limit of each row's own would make a shape of each row.
    if ((to.flags[at]! & OUTPUT_UNKNOWN) === 0) shape.maxTokens = null
    to.shape[at] = this.#shapes.add(shape, source.seq[row]!)
    this.#learner.learn(source, row, to.flags[at]!)
    this.#sessions.add(source, row, to, at)
    // Said exactly only where turns wait for answers: reading it takes a second a million rows.
    if (hasThinkTimes) this.#sessions.addDelay(source, row, at)
    this.#count += 1
  }

  finish(): SourceRows {
    const columns = resizeColumns(this.#columns, this.#count)
    this.#sessions.linkParents(columns)
    return {
      columns,
      shapes: this.#shapes.shapes,
      sessions: this.#sessions.names,
      ratios: this.#learner.ratios(),
      firstUs: this.#firstUs ?? 0,
      skipped: this.#skipped,
    }
  }
}

/** One object, used again for each row: `ShapeTable` copies what is new. */
const scratch: { -readonly [K in keyof RequestShape]: RequestShape[K] } = {
  endpoint: 'other',
  isStream: false,
  model: null,
  adapter: null,
  tenant: null,
  route: null,
  target: null,
  n: 1,
  inputCount: 1,
  priority: null,
  maxTokens: null,
  params: null,
  imageSizes: null,
  tools: 0,
  toolBytes: 0,
}

function shapeOf(source: SourceColumns, row: number): typeof scratch {
  scratch.endpoint = source.endpoint[row] as EndpointName
  scratch.isStream = source.stream[row] !== 0
  scratch.model = source.model[row]!
  scratch.adapter = source.adapter[row]!
  scratch.tenant = source.tenant[row]!
  scratch.route = source.route[row]!
  scratch.target = source.target[row]!
  scratch.n = source.n[row]! || 1
  scratch.inputCount = source.inputCount[row]! || 1
  scratch.priority = numberOrNull(source.priority[row]!)
  scratch.maxTokens = numberOrNull(source.maxTokens[row]!)
  scratch.params = source.params[row]!
  scratch.imageSizes = source.imageSizes[row]!
  scratch.tools = source.tools[row]! || 0
  scratch.toolBytes = source.toolBytes[row]! || 0
  return scratch
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}
