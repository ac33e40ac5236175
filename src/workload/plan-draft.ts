/** A plan on its way, and the list of what was done to it. Pure. */
import type { Draw } from '../base/random.ts'
import type { CopyOrder, Load } from './copies.ts'
import { layCopies } from './copies.ts'
import { TraceError } from '../base/errors.ts'
import type { SourceRows } from './load-rows.ts'
import { overwrite, pickColumns } from './plan-columns.ts'
import type { PlanBlocks, PlanColumns, PlanStep, RequestShape } from './plan.ts'
import { putInSendingOrder } from './sending-order.ts'
import { keepSessionOrder } from './session-order.ts'
import type { UserUnits } from './user-units.ts'

export type OnStep = (step: PlanStep, columns: PlanColumns, blocks: PlanBlocks) => void

/** `copy` is kept in 16 bits. */
const MAX_COPIES = 0xffff

export class PlanDraft {
  readonly steps: PlanStep[] = []
  readonly shapes: readonly RequestShape[]
  readonly drawOf: (purpose: string) => Draw
  readonly skipped: Record<string, number>
  /** Instants of the rows on the clock on which drifts are written, and the last of them. */
  writtenUs: Float64Array = new Float64Array(0)
  writtenSpanUs = 0
  /** From that clock to the one sent. */
  sentClock: (atUs: number) => number = (atUs) => atUs
  #load: Load
  #copyCount = 1
  readonly #onStep: OnStep

  constructor(
    source: SourceRows,
    blocks: PlanBlocks,
    drawOf: (purpose: string) => Draw,
    onStep: OnStep = () => {},
  ) {
    this.#load = { columns: source.columns, blocks, sessions: source.sessions }
    this.shapes = source.shapes
    this.skipped = { ...source.skipped }
    this.drawOf = drawOf
    this.#onStep = onStep
  }

  get columns(): PlanColumns {
    return this.#load.columns
  }

  get blocks(): PlanBlocks {
    return this.#load.blocks
  }

  get sessions(): readonly string[] {
    return this.#load.sessions
  }

  /** Keeps the clock on which drifts are written, before it is warped. */
  keepWritten(): void {
    this.writtenUs = this.columns.dueUs.slice()
    this.writtenSpanUs = this.writtenUs.reduce(
      (lastUs, atUs) => Math.max(lastUs, atUs),
      this.writtenSpanUs,
    )
  }

  /** Notes a step and takes over the columns that it changed. */
  take(name: string, stepArguments: PlanStep['arguments'], next: Partial<PlanColumns> = {}): void {
    this.#load = { ...this.#load, columns: overwrite(this.columns, next) }
    const step = { name, arguments: stepArguments }
    this.steps.push(step)
    this.#onStep(step, this.columns, this.blocks)
  }

  /** Rows that moved stand in the order of their instants again, each after its parent. */
  settle(moved: Partial<PlanColumns>): void {
    const columns = overwrite(this.columns, moved)
    const dueUs = keepSessionOrder(columns, this.sessions.length)
    this.#load = { ...this.#load, columns: overwrite(columns, { dueUs }) }
    putInSendingOrder(this.columns)
  }

  /** Only these rows stay; the others are counted under `reason`. */
  keepRows(rows: Uint32Array, reason: string): void {
    const goneCount = this.columns.dueUs.length - rows.length
    if (goneCount === 0) return
    this.skipped[reason] = (this.skipped[reason] ?? 0) + goneCount
    this.#load = { ...this.#load, columns: pickColumns(this.columns, rows) }
  }

  /** Lays copies over the load; numbers of copies stay distinct over several such steps. */
  copy(units: UserUnits, orders: readonly CopyOrder[]): void {
    const largest = orders.reduce((most, { copy }) => Math.max(most, copy), 0)
    const stride = this.#copyCount
    this.#copyCount *= largest + 1
    if (this.#copyCount > MAX_COPIES) {
      throw new TraceError('BAD_OPTION', `a load of ${this.#copyCount} copies is too large`)
    }
    this.#load = layCopies(this.#load, units, orders, stride)
  }
}
