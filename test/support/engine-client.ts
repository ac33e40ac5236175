/** One thread of a client on virtual time: it sends and reads in turn, and can be kept from both. Pure. */
import type { SampleRow } from '../../src/trace/columns.ts'
import type { Knobs } from './engine-faults.ts'

const SECOND_US = 1_000_000

export class ClientThread {
  readonly #knobs: Knobs
  readonly #draw: () => number
  /** µs of work in each second. */
  readonly #busyUs: number[] = []
  /** Longest that something waited in each second, µs. */
  readonly #waitedUs: number[] = []
  freeUs = 0

  constructor(knobs: Knobs, draw: () => number) {
    this.#knobs = knobs
    this.#draw = draw
  }

  /** @returns when the first byte was written */
  send(dueUs: number): number {
    const jitterUs = Math.round(20 - Math.log(1 - this.#draw()) * 60)
    return this.#take(dueUs + this.#knobs.lateUs + jitterUs, this.#knobs.sendCostUs)
  }

  /** @returns when the event was read */
  read(arrivedUs: number): number {
    return this.#take(arrivedUs, this.#knobs.readCostUs)
  }

  #take(wantedUs: number, costUs: number): number {
    let atUs = Math.max(wantedUs, this.freeUs)
    for (const { fromUs, toUs } of this.#knobs.frozen) {
      if (atUs >= fromUs && atUs < toUs) atUs = toUs
    }
    this.freeUs = atUs + costUs
    const second = Math.floor(atUs / SECOND_US)
    this.#busyUs[second] = (this.#busyUs[second] ?? 0) + costUs
    this.#waitedUs[second] = Math.max(this.#waitedUs[second] ?? 0, atUs - wantedUs)
    return Math.round(atUs)
  }

  /** What the replayer says of itself once a second. */
  samples(endUs: number): SampleRow[] {
    const rows: SampleRow[] = []
    const { frozen, isThrottled, clockStep } = this.#knobs
    for (let second = 0; second * SECOND_US < endUs; second += 1) {
      const atUs = second * SECOND_US
      const throttled = isThrottled ? frozen.filter(({ toUs }) => toUs <= atUs).length : 0
      const stepUs = clockStep !== null && atUs >= clockStep.atUs ? clockStep.byUs : 0
      const share = (this.#busyUs[second - 1] ?? 0) / SECOND_US
      for (const [metric, value] of [
        ['trace:client_cpu_share', share + 0.05],
        ['trace:loop_utilization', share],
        ['trace:loop_delay_p99_us', 500 + 500 * this.#draw() + (this.#waitedUs[second] ?? 0)],
        ['trace:gc_pause_max_us', 1_000 + 3_000 * this.#draw()],
        ['trace:clock_step_us', stepUs + 300 * this.#draw()],
        ['trace:throttled_count', 7 + throttled],
      ] as const) {
        rows.push({ atUs, metric, labels: null, value })
      }
    }
    return rows
  }
}
