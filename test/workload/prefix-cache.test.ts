import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { NONE, type PlanBlocks } from '../../src/workload/plan.ts'
import { createPrefixCache } from '../../src/workload/prefix-cache.ts'
import type { CacheRule } from '../../src/workload/cache-tree.ts'

// Many thousand rows: on a busy machine the default of 5 s is short.
vi.setConfig({ testTimeout: 60_000 })

type Request = { input_length: number; hash_ids: number[] }

const TRUTH = '../shared/research/cache_truth.json'
const MOONCAKE = '../shared/traces/mooncake/synthetic_trace.jsonl'
const RULES = ['engine', 'prefix', 'block'] as const

function blocksOf(requests: readonly Request[], blockTokens: number) {
  const indexOf = new Map<number, number>()
  const parents: number[] = []
  for (const { hash_ids: ids } of requests) {
    for (const [at, id] of ids.entries()) {
      if (indexOf.has(id)) continue
      indexOf.set(id, parents.length)
      parents.push(at === 0 ? NONE : indexOf.get(ids[at - 1]!)!)
    }
  }
  const blocks: PlanBlocks = {
    id: BigUint64Array.from(indexOf.keys(), (id) => BigInt(id + 1)),
    parent: Uint32Array.from(parents),
    tokens: new Uint32Array(parents.length).fill(blockTokens),
  }
  const leafOf = ({ hash_ids: ids }: Request) =>
    ids.length === 0 ? NONE : indexOf.get(ids.at(-1)!)!
  return { blocks, leafOf }
}

function totalsOf(
  requests: readonly Request[],
  rule: CacheRule,
  blockTokens: number,
  capacityBlocks: number | null,
) {
  const { blocks, leafOf } = blocksOf(requests, blockTokens)
  const capacityTokens = capacityBlocks === null ? null : capacityBlocks * blockTokens
  const cache = createPrefixCache(blocks, { rule, blockTokens, capacityTokens })
  for (const request of requests) cache.serve(leafOf(request), request.input_length)
  const { hitTokens, totalTokens, hitBlocks, totalBlocks } = cache.totals
  return {
    hit_tokens: hitTokens,
    total_tokens: totalTokens,
    hit_blocks: hitBlocks,
    total_blocks: totalBlocks,
  }
}

test.skipIf(!existsSync(TRUTH))(
  'small cases give the integers worked out by hand (needs ../shared)',
  () => {
    const { tiny_cases: cases } = JSON.parse(readFileSync(TRUTH, 'utf8'))
    for (const { name, block_tokens, capacity_blocks, requests, expected_all } of cases) {
      for (const rule of RULES) {
        const totals = totalsOf(requests, rule, block_tokens, capacity_blocks)
        expect({ name, rule, ...totals }).toEqual({ name, rule, ...expected_all[`${rule}_lru`] })
      }
    }
  },
)

test.skipIf(!existsSync(TRUTH) || !existsSync(MOONCAKE)).each(RULES)(
  'the Mooncake trace has the independently computed hits at each size, rule %s (needs ../shared)',
  (rule) => {
    const truth = JSON.parse(readFileSync(TRUTH, 'utf8')).traces.mooncake_synthetic
    const requests = readFileSync(MOONCAKE, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Request)
    for (const expected of truth[`${rule}_lru`].all) {
      const totals = totalsOf(requests, rule, 512, expected.capacity_blocks)
      expect({ capacity: expected.capacity_blocks, ...totals }).toEqual({
        capacity: expected.capacity_blocks,
        hit_tokens: expected.hit_tokens,
        total_tokens: expected.total_tokens,
        hit_blocks: expected.hit_blocks,
        total_blocks: expected.total_blocks,
      })
    }
  },
)

const chains = fc.array(
  fc.record({ parent: fc.nat(), length: fc.integer({ min: 1, max: 4 }), tail: fc.nat(20) }),
  { minLength: 1, maxLength: 40 },
)

/** Requests over a random tree: each extends some earlier chain. */
function grow(shapes: readonly { parent: number; length: number; tail: number }[]): Request[] {
  let nextId = 1
  const requests: Request[] = []
  for (const { parent, length, tail } of shapes) {
    const before = requests[parent % (requests.length + 1)]?.hash_ids ?? []
    const ids = [...before.slice(0, 5), ...Array.from({ length }, () => nextId++)]
    requests.push({ input_length: ids.length * 16 + tail, hash_ids: ids })
  }
  return requests
}

test('a cache as large as the load serves what an unbounded one does', () => {
  fc.assert(
    fc.property(
      chains,
      fc.constantFrom(...RULES),
      fc.constantFrom(4, 16, 48),
      (shapes, rule, size) => {
        const requests = grow(shapes)
        const enough = requests.reduce((sum, { input_length: tokens }) => sum + tokens, 0)
        expect(totalsOf(requests, rule, size, enough)).toEqual(totalsOf(requests, rule, size, null))
      },
    ),
  )
})

test('a kept answer is served to the turn that quotes it, but for its last token', () => {
  const requests = [
    { input_length: 32, hash_ids: [1, 2] },
    { input_length: 80, hash_ids: [1, 2, 3, 4, 5] },
  ]
  const { blocks, leafOf } = blocksOf(requests, 16)
  for (const capacityTokens of [null, 1_600]) {
    const cache = createPrefixCache(blocks, { rule: 'engine', blockTokens: 16, capacityTokens })
    expect(cache.serve(leafOf(requests[0]!), 32)).toBe(0)
    // The answer was 32 tokens long; what came last is not in the cache.
    cache.keep(leafOf(requests[1]!), 32 + 32 - 1)
    expect(cache.serve(leafOf(requests[1]!), 80)).toBe(48)
  }
})
