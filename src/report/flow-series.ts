/** What flows at each instant of a run: requests in flight and tokens. Pure. */
import { known } from '../stats/growing.ts'
import type { SideWatch } from './side-watch.ts'

/** At one instant; known at every instant, however few the requests. */
export type FlowPoint = Readonly<{ t_s: number; in_flight: number; output_tokens_per_s: number }>

/** From the first due instant to the last end, in 240 steps. */
export function flowOf(watch: SideWatch): FlowPoint[] {
  const { at, end } = { at: watch.columns.at.view(), end: watch.columns.end.view() }
  const firstUs = at[0] ?? 0
  const lastUs = end.reduce((latest, us) => (us > latest ? us : latest), at.at(-1) ?? 0)
  const stepUs = (lastUs - firstUs) / FLOW_STEPS
  if (at.length === 0 || stepUs === 0) return []
  const tokens = tokensPerBucket(watch, firstUs, stepUs)
  const begun = known(at.map((us, row) => (Number.isNaN(end[row]!) ? Number.NaN : us)))
  const ended = known(end).toSorted()
  let [from, to] = [0, 0]
  return Array.from({ length: FLOW_STEPS }, (_, step) => {
    const us = firstUs + step * stepUs
    while (from < begun.length && begun[from]! <= us) from += 1
    while (to < ended.length && ended[to]! <= us) to += 1
    return {
      t_s: us / 1e6,
      in_flight: Math.max(0, from - to),
      output_tokens_per_s: (tokens.get(step) ?? 0) / (stepUs / 1e6),
    }
  })
}

const FLOW_STEPS = 240
/** Each answer's tokens spread evenly from its first token to its end. */
function tokensPerBucket(watch: SideWatch, firstUs: number, bucketUs: number): Map<number, number> {
  const [at, end, output] = (['at', 'end', 'output'] as const).map((name) =>
    watch.columns[name].view(),
  ) as [Float64Array, Float64Array, Float64Array]
  const ttftDue = watch.latency.columns.ttftDue.view()
  const sums = new Map<number, number>()
  for (let row = 0; row < at.length; row += 1) {
    if (!(output[row]! > 0) || Number.isNaN(end[row]!)) continue
    const toUs = Math.max(at[row]!, end[row]!) - firstUs
    const fromUs = Math.min(toUs, at[row]! - firstUs + (ttftDue[row]! || 0))
    const [low, high] = [Math.floor(fromUs / bucketUs), Math.floor(toUs / bucketUs)]
    for (let bucket = low; bucket <= high; bucket += 1) {
      const overlap = Math.min(toUs, (bucket + 1) * bucketUs) - Math.max(fromUs, bucket * bucketUs)
      const share = toUs === fromUs ? 1 : overlap / (toUs - fromUs)
      sums.set(bucket, (sums.get(bucket) ?? 0) + output[row]! * share)
    }
  }
  return sums
}
