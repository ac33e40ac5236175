/** A plan on its way: each method applies one transform that was asked for and notes it. Pure. */
import type { Draw } from '../base/random.ts'
import type { Drift } from './drift.ts'
import { shake } from './jitter.ts'
import type { SourceRows } from './load-rows.ts'
import type { WorkloadOptions } from './options.ts'
import { resizeColumns, shareColumns } from './plan-columns.ts'
import type { PlanBlocks, PlanColumns, PlanStep } from './plan.ts'
import { driftCurve, warp, warpClock } from './rate-warp.ts'
import { putInSendingOrder } from './sending-order.ts'
import { keepSessionOrder } from './session-order.ts'
import { fitLeaves, outlastHangUps, scaleSizes } from './size-drift.ts'
import { speedUp } from './speed.ts'

export class PlanDraft {
  readonly steps: PlanStep[] = []
  readonly blocks: PlanBlocks
  /** From the clock on which drifts are written to the one sent. */
  sentClock: (atUs: number) => number = (atUs) => atUs
  #columns: PlanColumns
  /** Instants of the rows on the clock on which drifts are written. */
  #writtenUs: Float64Array
  readonly #source: SourceRows
  readonly #options: WorkloadOptions
  readonly #drawOf: (purpose: string) => Draw
  readonly #onStep: (step: PlanStep, columns: PlanColumns, blocks: PlanBlocks) => void

  constructor(
    source: SourceRows,
    blocks: PlanBlocks,
    options: WorkloadOptions,
    drawOf: (purpose: string) => Draw,
    onStep: (step: PlanStep, columns: PlanColumns, blocks: PlanBlocks) => void = () => {},
  ) {
    this.#source = source
    this.#columns = source.columns
    this.#writtenUs = source.columns.dueUs
    this.blocks = blocks
    this.#options = options
    this.#drawOf = drawOf
    this.#onStep = onStep
  }

  /** The last row's instant on the clock on which drifts are written. */
  get writtenSpanUs(): number {
    return this.#writtenUs.reduce((lastUs, atUs) => Math.max(lastUs, atUs), 0)
  }

  window(): void {
    const { fromUs, toUs } = this.#options
    const leaf = fitLeaves(this.#columns, this.blocks)
    this.#take('window', { fromUs, toUs, firstUs: this.#source.firstUs }, { leaf })
  }

  speed(): void {
    const { speed } = this.#options
    if (speed !== 1) this.#take('speed', { speed }, { dueUs: speedUp(this.#columns.dueUs, speed) })
    this.#writtenUs = this.#columns.dueUs
  }

  rateDrift(): void {
    const drifts = this.#driftsOf('rate')
    if (drifts.length === 0) return
    this.sentClock = warpClock(driftCurve(drifts, this.writtenSpanUs))
    this.#take(
      'rate drift',
      { drifts: texts(drifts) },
      {
        dueUs: warp(this.#columns.dueUs, this.sentClock),
      },
    )
  }

  sizeDrift(): void {
    for (const [what, column] of [
      ['input', 'promptTokens'],
      ['output', 'outputTokens'],
    ] as const) {
      const drifts = this.#driftsOf(what)
      if (drifts.length === 0) continue
      const draw = this.#drawOf(`drift ${what}`)
      const sizes = scaleSizes(this.#columns[column], this.#columns, this.#writtenUs, drifts, draw)
      const scaled = { ...this.#columns, [column]: sizes }
      this.#take(
        `${what} drift`,
        { drifts: texts(drifts) },
        {
          [column]: what === 'output' ? outlastHangUps(scaled) : sizes,
          leaf: fitLeaves(scaled, this.blocks),
        },
      )
    }
  }

  jitter(): void {
    const { jitter } = this.#options
    if (jitter.widthUs === 0) return
    this.#take(
      'jitter',
      { ...jitter },
      {
        dueUs: shake(this.#columns, jitter, this.#drawOf('jitter')),
      },
    )
  }

  sessionOrder(): void {
    const dueUs = keepSessionOrder(this.#columns, this.#source.sessions.length)
    if (dueUs !== this.#columns.dueUs) this.#take('session order', {}, { dueUs })
  }

  /** Sending order, in shared memory, cut at the limit. */
  finish(): PlanColumns {
    const { limit } = this.#options
    this.#columns = shareColumns(this.#columns)
    putInSendingOrder(this.#columns)
    if (limit !== null) {
      const count = Math.min(limit, this.#columns.dueUs.length)
      this.#take('limit', { limit }, resizeColumns(this.#columns, count))
    }
    return this.#columns
  }

  #driftsOf(what: Drift['target']['what']): Drift[] {
    return this.#options.drifts.filter(({ target }) => target.what === what)
  }

  #take(name: string, stepArguments: PlanStep['arguments'], next: Partial<PlanColumns>): void {
    this.#columns = { ...this.#columns, ...next }
    const step = { name, arguments: stepArguments }
    this.steps.push(step)
    this.#onStep(step, this.#columns, this.blocks)
  }
}

function texts(drifts: readonly Drift[]): string[] {
  return drifts.map(({ text }) => text)
}
