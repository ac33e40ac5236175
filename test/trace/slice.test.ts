import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { openTrace } from '../../src/trace/open.ts'
import { parseSelection, type RawSelection } from '../../src/trace/selection.ts'
import { sliceTrace } from '../../src/trace/slice.ts'
import { scratchFolder } from '../support/scratch.ts'
import { readTables, writeTables } from '../support/write-tables.ts'

const scratch = scratchFolder()

const TABLES = {
  request: Array.from({ length: 10 }, (_, seq) => ({
    seq,
    atUs: 5_000_000 + seq * 1_000_000,
    endpoint: 'chat',
    tenant: seq % 2 === 0 ? 'even' : 'odd',
    prefixLeaf: seq < 5 ? 2n : 3n,
  })),
  block: [
    { id: 1n, parent: null, tokens: 16 },
    { id: 2n, parent: 1n, tokens: 16 },
    { id: 3n, parent: 1n, tokens: 16 },
    { id: 4n, parent: null, tokens: 16 },
  ],
  event: [
    { atUs: 0, kind: 'before', detail: null },
    { atUs: 7_500_000, kind: 'inside', detail: null },
  ],
  gap: [{ fromUs: 6_000_000, toUs: 7_100_000, reason: 'disk', count: 1 }],
  sample: [
    { atUs: 8_000_000, metric: 'm', labels: null, value: 1 },
    { atUs: 9_000_000, metric: 'm', labels: null, value: 2 },
  ],
}

async function slice(raw: RawSelection) {
  await writeTables(scratch('whole.sqlite'), TABLES)
  const output = scratch('part.arrow')
  const selection = parseSelection(raw)
  await sliceTrace({ input: scratch('whole.sqlite'), output, selection, isForced: true })
  const reader = await openTrace(output)
  const tables = await readTables(reader)
  await reader.close()
  return { ...tables, header: reader.header }
}

test('a window counts from the first request, its end left out, and times stay as they are', async () => {
  const { request, event, gap, sample, header } = await slice({ from: '2s', to: '4s' })
  expect(request.map(({ seq, atUs }) => [seq, atUs])).toEqual([
    [2, 7_000_000],
    [3, 8_000_000],
  ])
  expect(event.map(({ kind }) => kind)).toEqual(['inside'])
  expect(gap).toHaveLength(1)
  expect(sample.map(({ value }) => value)).toEqual([1])
  expect(header.transforms).toEqual([
    { name: 'slice', arguments: { from_us: 2_000_000, to_us: 4_000_000 } },
  ])
  expect(header.counts?.request).toBe(2)
})

test('only the chains of kept rows are kept', async () => {
  const { block } = await slice({ to: '3s' })
  expect(block.map(({ id }) => id)).toEqual([1n, 2n])
})

test('rows can be chosen by tenant, and so many of them', async () => {
  const { request } = await slice({ tenant: ['odd'], limit: '2' })
  expect(request.map(({ seq }) => seq)).toEqual([1, 3])
})

test('a window without requests leaves no file behind', async () => {
  const output = scratch('none.arrow')
  const selection = parseSelection({ from: '1h' })
  await writeTables(scratch('whole.sqlite'), TABLES)
  await expect(
    sliceTrace({ input: scratch('whole.sqlite'), output, selection, isForced: false }),
  ).rejects.toMatchObject({ code: 'EMPTY_WINDOW' })
  expect(existsSync(output)).toBe(false)
})

test.each([
  [{ from: '5' }, '--from'],
  [{ from: '3s', to: '3s' }, '--to'],
  [{ limit: '0' }, '--limit'],
] as [RawSelection, string][])('%j names the flag that is wrong', (raw, flag) => {
  expect(() => parseSelection(raw)).toThrow(flag)
})
