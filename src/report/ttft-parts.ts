/** Time to the first token request by request: the server's queue, its prefill, and all that is neither. Pure. */
import { GrowingColumn } from '../stats/growing.ts'
import { describe } from '../stats/moments.ts'
import { quantiles } from '../stats/quantile.ts'

/** Of requests whose answer told the server's own times (vLLM's `--enable-per-request-metrics`). Times µs, from sent. */
export type TtftParts = Readonly<{
  n: number
  /** Of all streams in which a token came. */
  share: number
  queue: Part
  prefill: Part
  /** TTFT less queue and prefill: network, HTTP, and the server's work before and after its scheduler. */
  rest: Part
  /** The slowest twentieth of them: mean of each part. */
  slow: Readonly<{ n: number; ttft: number; queue: number; prefill: number; rest: number }>
  /** How many have a rest that no network explains, and the farthest of these. */
  beyond: number
  worst: Readonly<{ seq: number; ttft: number; rest: number }> | null
}>

export type Part = Readonly<{ mean: number; p50: number; p95: number }>

/** A rest above both is no network: the server, or the way to it, kept the request elsewhere. */
export const MOST_REST = { us: 20_000, share: 0.5 } as const
/** The server's clock and ours both count durations, so a rest is never below zero but for rounding. */
const LEAST_REST_US = -1_000
const SLOW_SHARE = 0.05

export class TtftPartsWatch {
  readonly #seq = new GrowingColumn()
  readonly #ttft = new GrowingColumn()
  readonly #queue = new GrowingColumn()
  readonly #prefill = new GrowingColumn()

  /** @param queueUs, prefillUs the server's own; a row without one of the three is passed over */
  add(seq: number, ttftUs: number, queueUs: number, prefillUs: number): void {
    if (Number.isNaN(ttftUs + queueUs + prefillUs)) return
    this.#seq.push(seq)
    this.#ttft.push(ttftUs)
    this.#queue.push(queueUs)
    this.#prefill.push(prefillUs)
  }

  /** @param streamCount streams in which a token came; @returns null where no row tells the server's times */
  parts(streamCount: number): TtftParts | null {
    const [ttft, queue, prefill] = [this.#ttft.view(), this.#queue.view(), this.#prefill.view()]
    if (ttft.length === 0) return null
    const rest = ttft.map((us, index) => us - queue[index]! - prefill[index]!)
    const beyondUs = rest.map((us, index) => beyondOf(us, ttft[index]!))
    const worst = beyondUs.reduce((most, us, index) => (us > beyondUs[most]! ? index : most), 0)
    const beyond = beyondUs.filter((us) => us > 0).length
    return {
      n: ttft.length,
      share: ttft.length / streamCount,
      queue: partOf(queue),
      prefill: partOf(prefill),
      rest: partOf(rest),
      slow: slowest(ttft, queue, prefill),
      beyond,
      worst:
        beyond === 0
          ? null
          : { seq: this.#seq.view()[worst]!, ttft: ttft[worst]!, rest: rest[worst]! },
    }
  }
}

/** µs beyond what a rest may be; 0 or less for one that may be. */
function beyondOf(restUs: number, ttftUs: number): number {
  const most = Math.max(MOST_REST.us, MOST_REST.share * ttftUs)
  return Math.max(restUs - most, LEAST_REST_US - restUs)
}

function partOf(values: Float64Array): Part {
  const [p50 = 0, p95 = 0] = quantiles(values, [0.5, 0.95])
  return { mean: describe(values).mean, p50, p95 }
}

function slowest(
  ttft: Float64Array,
  queue: Float64Array,
  prefill: Float64Array,
): TtftParts['slow'] {
  const [least = 0] = quantiles(ttft, [1 - SLOW_SHARE])
  const isSlow = (_: number, index: number) => ttft[index]! >= least
  const meanOf = (values: Float64Array) => describe(values.filter(isSlow)).mean
  const means = { ttft: meanOf(ttft), queue: meanOf(queue), prefill: meanOf(prefill) }
  const n = ttft.filter(isSlow).length
  return { n, ...means, rest: means.ttft - means.queue - means.prefill }
}
