/** Prefix blocks of a session whose format tells only how many tokens were kept. Pure. */
import type { BlockTrie } from './block-trie.ts'

/** Tokens a block: what a turn keeps is known to this. */
export const SESSION_BLOCK_TOKENS = 64

/** A turn adds at most so many tokens to its chain; what is beyond is unshared, and a lie costs little. */
const MAX_NEW_TOKENS = 262_144

export type SessionPrompt = Readonly<{
  leaf: bigint | null
  count: number
  answerLeaf: bigint | null
}>

export class SessionChain {
  readonly #blocks: BlockTrie
  readonly #ids: bigint[] = []

  constructor(blocks: BlockTrie) {
    this.#blocks = blocks
  }

  /**
   * @param keptTokens of the prompt, equal to the start of what the session had so far
   * @param promptTokens all of the prompt
   */
  turn(keptTokens: number, promptTokens: number, outputTokens: number): SessionPrompt {
    const kept = Math.min(keptTokens, promptTokens)
    this.#ids.length = Math.min(this.#ids.length, Math.floor(kept / SESSION_BLOCK_TOKENS))
    this.#growTo(promptTokens)
    const { leaf, count } = { leaf: this.#ids.at(-1) ?? null, count: this.#ids.length }
    this.#growTo(promptTokens + outputTokens)
    return { leaf, count, answerLeaf: this.#ids.at(-1) ?? null }
  }

  #growTo(tokens: number): void {
    const most = this.#ids.length + MAX_NEW_TOKENS / SESSION_BLOCK_TOKENS
    const count = Math.min(Math.floor(tokens / SESSION_BLOCK_TOKENS), most)
    while (this.#ids.length < count) {
      this.#ids.push(this.#blocks.append(this.#ids.at(-1) ?? null, SESSION_BLOCK_TOKENS))
    }
  }
}
