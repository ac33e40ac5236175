/** Prefix blocks of formats that carry text: hashed at once, then numbered like any other. Pure. */
import { hash } from 'node:crypto'
import type { BlockTrie, Chain } from './block-trie.ts'
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

  /** Tokens of a text of so many bytes, at about four each; 0 only for no text. */
  estimate(sizeBytes: number): number {
    return Math.ceil(sizeBytes / BYTES_PER_TOKEN)
  }

  /**
   * Writes the prefix of the row that was begun last. Only whole blocks count: the tail is the
   * row's own. A block's tokens come from the row that shows it first.
   */
  add(bytes: Uint8Array, promptTokens: number): void {
    const chain = this.chain(bytes, promptTokens)
    if (chain === null) return
    this.#sink.id('prefixLeaf', chain.leaf)
    this.#sink.number('prefixBlocks', chain.count)
  }

  /** The same for a row that is written later; null where there is no whole block. */
  chain(bytes: Uint8Array, promptTokens: number, blockBytes = BLOCK_BYTES): Chain | null {
    const blockCount = Math.floor(bytes.length / blockBytes)
    if (blockCount === 0) return null
    const tokens = Math.round((blockBytes * promptTokens) / bytes.length)
    const ids = Array.from({ length: blockCount }, (_, index) =>
      hash('sha256', bytes.subarray(index * blockBytes, (index + 1) * blockBytes)),
    )
    return this.#blocks.extend(ids, () => tokens)
  }
}
