import { expect, test } from 'vitest'
import { ChainKeeper } from '../../src/record/chain-keeper.ts'
import { CHAIN_BLOCK_BYTES, chainKey, startChain } from '../../src/stream/prefix-chain.ts'

const KNOWN_BLOCKS = 100
const PROMPT_BLOCKS = 10

/** A recording that was rotated: no segment has any of the blocks. */
function keeper() {
  const key = chainKey(Buffer.alloc(32, 7))
  return new ChainKeeper({ key, hasBlock: () => false, mode: 'bytes' }, KNOWN_BLOCKS)
}

/** The lengths of the blocks of a prompt that the server counts so many tokens in. */
function lengthsOf(chains: ChainKeeper, prompt: number, tokens: number) {
  const bytes = Buffer.alloc(PROMPT_BLOCKS * CHAIN_BLOCK_BYTES, prompt)
  const chain = chains.extend(startChain(9n), bytes)
  return chains.describe(chain, null, tokens, 0).blocks.map((block) => block.tokens)
}

test('a block keeps the length that it got first while it is among the last that were seen', () => {
  const chains = keeper()
  const first = lengthsOf(chains, 0, 1_000)
  expect(first).toEqual(Array.from({ length: PROMPT_BLOCKS }, () => 100))
  for (let prompt = 1; prompt < 10; prompt += 1) lengthsOf(chains, prompt, 500)
  expect(lengthsOf(chains, 0, 2_000)).toEqual(first)
})

test('blocks that were seen long ago are forgotten: what is remembered is bounded', () => {
  const chains = keeper()
  lengthsOf(chains, 0, 1_000)
  const between = (2 * KNOWN_BLOCKS) / PROMPT_BLOCKS + 1
  for (let prompt = 1; prompt <= between; prompt += 1) lengthsOf(chains, prompt, 500)
  expect(lengthsOf(chains, 0, 2_000)).toEqual(Array.from({ length: PROMPT_BLOCKS }, () => 200))
})
