/** Does the traffic change within a trace? Each part against the whole. Pure. */
import { ksOfSorted, stabilityOfSorted } from '../stats/distance.ts'
import { describe } from '../stats/moments.ts'
import { gapsOf } from '../stats/arrivals.ts'
import { quantileOfSorted } from '../stats/quantile.ts'

export type DriftPart = Readonly<{
  from_s: number
  to_s: number
  requests: number
  rate: number
  prompt_p50: number | null
  output_p50: number | null
  /** Against the first part; below 0.1 stable, above 0.25 moved. */
  prompt_psi: number | null
  output_psi: number | null
  prompt_ks: number | null
  output_ks: number | null
  iat_cv: number | null
}>

const PARTS = 8
const MIN_ROWS = 20

/**
 * Eight parts of equal span.
 *
 * @param at in order of time; sizes are NaN where a row has no count
 * @param rateFactor requests that each row stands for
 */
export function driftOf(
  at: Float64Array,
  prompt: Float64Array,
  output: Float64Array,
  rateFactor = 1,
): DriftPart[] {
  const firstUs = at[0] ?? 0
  const spanUs = (at.at(-1) ?? 0) - firstUs
  if (at.length < PARTS * MIN_ROWS || spanUs === 0) return []
  const partOf = (us: number) => Math.min(PARTS - 1, Math.floor((PARTS * (us - firstUs)) / spanUs))
  // Rows stand in order of time, so that each part is one stretch of them.
  let end = 0
  const pieces = Array.from({ length: PARTS }, (_, part) => {
    const start = end
    while (end < at.length && partOf(at[end]!) === part) end += 1
    const sizes = (values: Float64Array) =>
      values
        .subarray(start, end)
        .filter((value) => !Number.isNaN(value))
        .toSorted()
    return { at: at.subarray(start, end), prompt: sizes(prompt), output: sizes(output) }
  })
  const first = pieces.find((piece) => piece.at.length >= MIN_ROWS) ?? pieces[0]!
  const partS = spanUs / PARTS / 1e6
  return pieces.map((piece, part) => ({
    from_s: part * partS,
    to_s: (part + 1) * partS,
    requests: piece.at.length,
    rate: (rateFactor * piece.at.length) / partS,
    prompt_p50: orNull(quantileOfSorted(piece.prompt, 0.5)),
    output_p50: orNull(quantileOfSorted(piece.output, 0.5)),
    prompt_psi: orNull(stabilityOfSorted(first.prompt, piece.prompt)),
    output_psi: orNull(stabilityOfSorted(first.output, piece.output)),
    prompt_ks: orNull(ksOfSorted(first.prompt, piece.prompt)),
    output_ks: orNull(ksOfSorted(first.output, piece.output)),
    iat_cv: orNull(describe(gapsOf(piece.at)).cv),
  }))
}

function orNull(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value
}
