/** How a load goes over time, in stretches of equal length, for a picture. Pure. */
import type { PlanColumns } from './plan.ts'

export type LoadPoint = Readonly<{
  atSec: number
  perSec: number
  /** Mean tokens of the requests in the stretch; null without any. */
  promptTokens: number | null
  outputTokens: number | null
}>

const STRETCHES = 160
/** Shorter stretches show every single request as a peak. */
const SHORTEST_US = 1_000_000

/** @param columns in any order */
export function loadSeries({ dueUs, promptTokens, outputTokens }: PlanColumns): LoadPoint[] {
  const spanUs = dueUs.reduce((lastUs, atUs) => Math.max(lastUs, atUs), 0)
  const stretchUs = Math.max(SHORTEST_US, Math.ceil(spanUs / STRETCHES))
  const length = Math.floor(spanUs / stretchUs) + 1
  const counts = new Float64Array(length)
  const prompts = new Float64Array(length)
  const outputs = new Float64Array(length)
  for (let row = 0; row < dueUs.length; row += 1) {
    const at = Math.floor(dueUs[row]! / stretchUs)
    counts[at]! += 1
    prompts[at]! += promptTokens[row]!
    outputs[at]! += outputTokens[row]!
  }
  return Array.from(counts, (count, at) => ({
    atSec: (at * stretchUs) / 1e6,
    perSec: (count / stretchUs) * 1e6,
    promptTokens: count === 0 ? null : prompts[at]! / count,
    outputTokens: count === 0 ? null : outputs[at]! / count,
  }))
}
