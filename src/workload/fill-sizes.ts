/** Gives a size to each row whose source does not say it: from bytes, or drawn from good answers. Pure. */
import type { Draw } from '../base/random.ts'
import type { PlanColumns, RequestShape } from './plan.ts'
import type { SizeRatios } from './size-learner.ts'
import {
  IS_SAMPLE,
  IS_WHOLE,
  OUTPUT_IS_BYTES,
  OUTPUT_UNKNOWN,
  PROMPT_IS_BYTES,
  PROMPT_UNKNOWN,
  SOURCE_MARKS,
} from './source-flags.ts'

/** Where no row of the plan ended well, so that nothing can be drawn. */
const DEFAULT_PROMPT_TOKENS = 512
const DEFAULT_OUTPUT_TOKENS = 128

/**
 * Sizes known by bytes become tokens. What is unknown is drawn, prompt and output together as a pair
 * of one good row, so that their correlation stays; the output of a hung-up row is drawn from the
 * outputs longer than what its client read. Clears the marks of source-flags.ts.
 *
 * @param draw keyed by (seq, copy)
 */
export function fillSizes(
  columns: PlanColumns,
  shapes: readonly RequestShape[],
  ratios: SizeRatios,
  draw: Draw,
): void {
  const samples = samplesOf(columns)
  const outputs = samples.map((row) => columns.outputTokens[row]!).toSorted()
  const { flags, promptTokens, outputTokens, seq, shape } = columns
  for (let row = 0; row < flags.length; row += 1) {
    const marks = flags[row]! & SOURCE_MARKS
    flags[row]! &= ~SOURCE_MARKS
    if ((marks & ~(IS_SAMPLE | IS_WHOLE)) === 0) continue
    const uniform = draw(seq[row]!)
    const sample = samples[Math.floor(uniform * samples.length)]
    if ((marks & PROMPT_IS_BYTES) > 0) {
      promptTokens[row] = atLeastOne(promptTokens[row]! / ratios.prompt)
    } else if ((marks & PROMPT_UNKNOWN) > 0) {
      promptTokens[row] = sample === undefined ? DEFAULT_PROMPT_TOKENS : promptTokens[sample]!
    }
    if ((marks & OUTPUT_IS_BYTES) > 0) {
      const ratio = (marks & IS_WHOLE) > 0 ? ratios.whole : ratios.stream
      outputTokens[row] = atLeastOne(outputTokens[row]! / ratio)
    } else if ((marks & OUTPUT_UNKNOWN) > 0) {
      const isPair = (marks & PROMPT_UNKNOWN) > 0 && outputTokens[row] === 0 && sample !== undefined
      outputTokens[row] = isPair
        ? outputTokens[sample]!
        : longerOutput(outputs, outputTokens[row]!, shapes[shape[row]!]!.maxTokens, uniform)
    }
  }
}

function samplesOf({ flags }: PlanColumns): Uint32Array {
  let count = 0
  for (const marks of flags) if ((marks & IS_SAMPLE) > 0) count += 1
  const samples = new Uint32Array(count)
  count = 0
  for (let row = 0; row < flags.length; row += 1) {
    if ((flags[row]! & IS_SAMPLE) > 0) samples[count++] = row
  }
  return samples
}

/** @param outputs of good rows, ascending */
function longerOutput(
  outputs: Uint32Array,
  readTokens: number,
  maxTokens: number | null,
  uniform: number,
): number {
  const first = firstAbove(outputs, readTokens)
  const longerCount = outputs.length - first
  if (longerCount === 0) return Math.max(2 * readTokens, readTokens + DEFAULT_OUTPUT_TOKENS)
  const drawn = outputs[first + Math.floor(uniform * longerCount)]!
  return maxTokens !== null && maxTokens > readTokens ? Math.min(drawn, maxTokens) : drawn
}

function firstAbove(ascending: Uint32Array, value: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! <= value) low = middle + 1
    else high = middle
  }
  return low
}

function atLeastOne(tokens: number): number {
  return Math.max(1, Math.round(tokens))
}
