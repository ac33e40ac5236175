/** Which word stands where in a prompt: equal block ids give equal words. Pure. */
import { drawFor, type Draw } from '../base/random.ts'
import { NONE, type PlanBlocks } from '../workload/plan.ts'
import type { Vocabulary } from './vocabulary.ts'

export const PREFIX_MODES = ['keep', 'unique', 'salt'] as const
/**
 * - keep: what was shared in the source is shared again
 * - unique: no two prompts share anything
 * - salt: texts are shared, but a salt keeps the server from serving them from its cache
 */
export type PrefixMode = (typeof PREFIX_MODES)[number]

export type PromptSpan = Readonly<{
  /** Index of the prefix leaf in the plan's blocks, or NONE. */
  leaf: number
  seq: number
  copy: number
  /** The how-many-th prompt of its request. */
  part: number
  /** Prompt positions that get words: [fromToken, toToken). Others are the template's. */
  fromToken: number
  toToken: number
}>

export class PromptWords {
  readonly #blocks: PlanBlocks
  readonly #wordCount: number
  readonly #isText: boolean
  readonly #isShared: boolean
  readonly #blockDraw: Draw
  readonly #tailDraw: Draw
  readonly #path: number[] = []

  constructor(
    blocks: PlanBlocks,
    vocabulary: Pick<Vocabulary, 'words' | 'isText'>,
    textSeed: string,
    mode: PrefixMode,
  ) {
    this.#blocks = blocks
    this.#wordCount = vocabulary.words.length
    this.#isText = vocabulary.isText
    this.#isShared = mode !== 'unique'
    this.#blockDraw = drawFor(textSeed, 'block text')
    this.#tailDraw = drawFor(textSeed, 'tail text')
  }

  /** Writes one word index for each position of the span into `out`, from 0 on. */
  choose(out: Uint32Array, span: PromptSpan): void {
    const { fromToken, toToken } = span
    let at = 0
    if (this.#isShared) {
      for (const block of this.#chain(span.leaf)) {
        const end = at + (this.#blocks.tokens[block] ?? 0)
        if (at < toToken && end > fromToken) {
          const id = this.#blocks.id[block] ?? 0n
          const state = this.#blockDraw(Number(id & 0xffff_ffffn), Number(id >> 32n) | 0)
          this.#run(out, state, at, end, span)
        }
        at = end
      }
    }
    if (at < toToken) {
      this.#run(out, this.#tailDraw(span.seq, span.copy, span.part), at, toToken, span)
    }
  }

  /** Words of one block or tail at positions [from, to); positions outside the span are passed over. */
  #run(out: Uint32Array, draw: number, from: number, to: number, span: PromptSpan): void {
    const end = Math.min(to, span.toToken)
    const first = Math.floor(draw * this.#wordCount)
    let state = (draw * 0x1_0000_0000) | 1
    for (let at = from; at < end; at += 1) {
      // Marsaglia's xorshift: the words need to differ, not to be random.
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      if (at < span.fromToken) continue
      const word = this.#isText ? first + at - from : state >>> 8
      out[at - span.fromToken] = word % this.#wordCount
    }
  }

  #chain(leaf: number): readonly number[] {
    const path = this.#path
    path.length = 0
    for (let at = leaf; at !== NONE; at = this.#blocks.parent[at] ?? NONE) path.push(at)
    for (let low = 0, high = path.length - 1; low < high; low += 1, high -= 1) {
      const held = path[low] as number
      path[low] = path[high] as number
      path[high] = held
    }
    return path
  }
}
