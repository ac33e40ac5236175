import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BlockRow } from '../../src/trace/columns.ts'
import { endTokens, keepReached, loadBlocks } from '../../src/workload/block-table.ts'
import { NONE } from '../../src/workload/plan.ts'
import { demandTrace } from '../support/demand-trace.ts'

/** A forest: each block hangs below an earlier one, or is a root. */
const forests = fc
  .array(fc.tuple(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), fc.nat(), fc.nat(99)), {
    maxLength: 300,
  })
  .map((draws) => {
    const rows: BlockRow[] = []
    const seen = new Set<bigint>()
    for (const [id, above, tokens] of draws) {
      if (seen.has(id)) continue
      seen.add(id)
      const parent = rows.length === 0 || above % 4 === 0 ? null : rows[above % rows.length]!.id
      rows.push({ id, parent, tokens })
    }
    return rows
  })

test('each id finds its block, its parent and its length, and others find nothing', async () => {
  await fc.assert(
    fc.asyncProperty(forests, fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), async (rows, other) => {
      const { blocks, indexOf } = await loadBlocks(demandTrace([], rows))
      for (const { id, parent, tokens } of rows) {
        const block = indexOf(id)
        expect(blocks.id[block]).toBe(id)
        expect(blocks.tokens[block]).toBe(tokens)
        expect(blocks.parent[block]).toBe(parent === null ? NONE : indexOf(parent))
      }
      expect(indexOf(0n)).toBe(NONE)
      expect(rows.some(({ id }) => id === other)).toBe(indexOf(other) !== NONE)
    }),
  )
})

test('small numbers as ids, as some public traces have, do not pile up', async () => {
  const rows = Array.from({ length: 50_000 }, (_, index) => ({
    id: BigInt(index + 1),
    parent: index === 0 ? null : BigInt(index),
    tokens: 2,
  }))
  const { blocks, indexOf } = await loadBlocks(demandTrace([], rows))
  expect(indexOf(50_000n)).toBe(49_999)
  expect(endTokens(blocks)[49_999]).toBe(100_000)
})

test('what no leaf reaches is dropped, and each chain stays what it was', async () => {
  await fc.assert(
    fc.asyncProperty(forests, fc.array(fc.nat(), { maxLength: 10 }), async (rows, picks) => {
      fc.pre(rows.length > 0)
      const { blocks } = await loadBlocks(demandTrace([], rows))
      const leaves = Uint32Array.from(picks, (pick) => pick % rows.length)
      const chainOf = (table: typeof blocks, leaf: number): bigint[] =>
        leaf === NONE ? [] : [table.id[leaf]!, ...chainOf(table, table.parent[leaf]!)]
      const before = Array.from(leaves, (leaf) => chainOf(blocks, leaf))
      const kept = keepReached(blocks, leaves)
      expect(Array.from(leaves, (leaf) => chainOf(kept, leaf))).toEqual(before)
      expect(new Set(kept.id)).toEqual(new Set(before.flat()))
    }),
  )
})

test('a header that claims more blocks than any memory holds is not believed', async () => {
  const trace = demandTrace([], [{ id: 7n, parent: null, tokens: 5 }])
  const header = { ...trace.header, counts: { request: 0, block: 2 ** 50 } }
  const { blocks, indexOf } = await loadBlocks({
    header: header as typeof trace.header,
    blocks: () => trace.blocks(),
  })
  expect(blocks.id.length).toBe(1)
  expect(indexOf(7n)).toBe(0)
})
