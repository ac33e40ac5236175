/** Prefix blocks of formats that carry text: hashed at once, then numbered like any other. Pure. */
import { hash } from 'node:crypto'
import type { BlockTrie } from './block-trie.ts'
import type { RowSink } from './row-sink.ts'

/** As the recorder's blocks. */
const BLOCK_BYTES = 256

/** Used where neither a count nor a tokenizer says better; English text in today's vocabularies. */
const BYTES_PER_TOKEN = 4

export class TextBlocks {
  readonly #sink: RowSink
  readonly #blocks: BlockTrie

  constructor(sink: RowSink, blocks: BlockTrie) {
    this.#sink = sink
    this.#blocks = blocks
  }

  /** Tokens that a text has at about four bytes each; 0 only for no text. */
  estimate(text: string): number {
    return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN)
  }

  /**
   * Writes the prefix of the row that was begun last. Only whole blocks count: the tail is the
   * row's own. A block's tokens come from the row that shows it first.
   */
  add(text: string, promptTokens: number): void {
    const bytes = Buffer.from(text)
    const blockCount = Math.floor(bytes.length / BLOCK_BYTES)
    if (blockCount === 0) return
    const tokens = Math.round((BLOCK_BYTES * promptTokens) / bytes.length)
    const ids = Array.from({ length: blockCount }, (_, index) =>
      hash('sha256', bytes.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES)),
    )
    const chain = this.#blocks.extend(ids, () => tokens)
    this.#sink.id('prefixLeaf', chain.leaf)
    this.#sink.number('prefixBlocks', chain.count)
  }
}
