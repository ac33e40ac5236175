/** How the replayer itself fares: its CPU, its event loops, its limits. Effects: reads the process and the system. */
import type { Clock } from '../base/clock.ts'
import { processCpuUs, readThrottling, type LoopSample } from '../base/machine.ts'
import { canonicalJson } from '../trace/canonical.ts'
import type { SampleRow } from '../trace/columns.ts'

/** What a sending thread says of itself once a second. */
export type ThreadLoad = Readonly<{ worker: number; atUs: number; loop: LoopSample }>

/** Rows of one thread; a loop that polls before each send is never idle, so that its use says nothing. */
export function threadLoadRows(
  { worker, atUs, loop }: ThreadLoad,
  startUs: number,
  isPolling: boolean,
): SampleRow[] {
  const labels = canonicalJson({ worker: String(worker) })
  const rows: [string, number][] = [
    ['trace:loop_delay_p99_us', loop.delayP99Us],
    ['trace:gc_pause_max_us', loop.gcPauseMaxUs],
    ...(isPolling ? [] : [['trace:loop_utilization', loop.utilization] as [string, number]]),
  ]
  const sinceUs = Math.round(atUs - startUs)
  return rows.map(([metric, value]) => ({ atUs: sinceUs, metric, labels, value }))
}

/** Follows the whole process from sample to sample. */
export class ClientLoad {
  readonly #clock: Clock
  readonly #startUs: number
  readonly #wallMinusUs: number
  #lastUs: number
  #lastCpuUs = processCpuUs()

  constructor(clock: Clock, startUs: number) {
    this.#clock = clock
    this.#startUs = startUs
    this.#lastUs = clock.nowUs()
    this.#wallMinusUs = clock.wallUs() - this.#lastUs
  }

  async sample(): Promise<SampleRow[]> {
    const nowUs = this.#clock.nowUs()
    const stepUs = this.#clock.wallUs() - nowUs - this.#wallMinusUs
    const cpuUs = processCpuUs()
    const share = (cpuUs - this.#lastCpuUs) / Math.max(1, nowUs - this.#lastUs)
    this.#lastUs = nowUs
    this.#lastCpuUs = cpuUs
    const rows: [string, number][] = [
      ['trace:client_cpu_share', share],
      ['trace:clock_step_us', Math.round(stepUs)],
    ]
    const atUs = Math.round(nowUs - this.#startUs)
    return [
      ...rows.map(([metric, value]) => ({ atUs, metric, labels: null, value })),
      ...(await throttlingRows(atUs)),
    ]
  }
}

/** The machine's own count, which may have risen long before the run: only its rise tells. */
export async function throttlingRows(atUs: number): Promise<SampleRow[]> {
  const throttling = await readThrottling()
  if (throttling === null) return []
  return [{ atUs, metric: 'trace:throttled_count', labels: null, value: throttling.throttledCount }]
}
