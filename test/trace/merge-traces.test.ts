import { expect, test } from 'vitest'
import { newHeader, type TraceHeader } from '../../src/trace/header.ts'
import { mergeTraces, type Alignment } from '../../src/trace/merge-traces.ts'
import { openTrace } from '../../src/trace/open.ts'
import type { TableRows } from '../support/rows-trace.ts'
import { scratchFolder } from '../support/scratch.ts'
import { readTables, writeTables } from '../support/write-tables.ts'

const scratch = scratchFolder()

const ONE: TableRows = {
  request: [
    { seq: 0, atUs: 0, endpoint: 'chat', session: 's', prefixLeaf: 1n },
    {
      seq: 1,
      atUs: 2_000_000,
      endpoint: 'chat',
      session: 's',
      parentSeq: 0,
      prefixLeaf: 1n,
      dependencies: '[{"delayUs":5,"relation":"turn","seq":0,"trigger":"end"}]',
    },
  ],
  block: [{ id: 1n, parent: null, tokens: 16 }],
  event: [{ atUs: 0, kind: 'mark', detail: null }],
}

async function merge(
  headers: Partial<TraceHeader>[],
  alignment: Alignment = 'auto',
  tables = [ONE, ONE],
) {
  const inputs = headers.map((_, index) => scratch(`in-${index}.sqlite`))
  for (const [index, path] of inputs.entries()) {
    await writeTables(path, tables[index] ?? {}, headers[index])
  }
  const output = scratch('merged.arrow')
  const summary = await mergeTraces({ inputs, output, alignment, isForced: true })
  const reader = await openTrace(output)
  const read = await readTables(reader)
  await reader.close()
  return { ...read, header: reader.header, how: summary.how }
}

test('traces with origins are put where they stood in time', async () => {
  const { request, event, header } = await merge([
    { originWallUs: 9_000_000 },
    { originWallUs: 8_000_000 },
  ])
  expect(request.map(({ seq, atUs }) => [seq, atUs])).toEqual([
    [2, 0],
    [0, 1_000_000],
    [3, 2_000_000],
    [1, 3_000_000],
  ])
  expect(event.map(({ atUs }) => atUs)).toEqual([0, 1_000_000])
  expect(header.originWallUs).toBe(8_000_000)
})

test('traces without origins begin together', async () => {
  const { request, header } = await merge([{}, { originWallUs: 5 }])
  expect(request.map(({ atUs }) => atUs)).toEqual([0, 0, 2_000_000, 2_000_000])
  expect(header.originWallUs).toBeNull()
  await expect(merge([{}, {}], 'wall')).rejects.toMatchObject({ code: 'BAD_OPTION' })
})

test('numbers, sessions and ids of different keys are kept apart, links inside a trace hold', async () => {
  const { request, block } = await merge([{}, {}])
  const [first, second, third, fourth] = request.toSorted((a, b) => (a.seq ?? 0) - (b.seq ?? 0))
  expect([second?.parentSeq, fourth?.parentSeq]).toEqual([0, 2])
  expect(JSON.parse(fourth?.dependencies ?? '')).toMatchObject([{ seq: 2 }])
  expect(first?.session).not.toBe(third?.session)
  expect(first?.session).toBe(second?.session)
  expect(first?.prefixLeaf).not.toBe(third?.prefixLeaf)
  expect(new Set(block.map(({ id }) => id))).toEqual(
    new Set([first?.prefixLeaf, third?.prefixLeaf]),
  )
})

test('ids of one key mean the same and are kept', async () => {
  const hashing = { ...newHeader('recorded').hashing, scheme: 'x', keyId: 'k' }
  const { request, block } = await merge([{ hashing }, { hashing }])
  expect(new Set(request.map(({ session }) => session)).size).toBe(1)
  expect(block).toHaveLength(1)
})

test('what the headers do not agree on is not claimed', async () => {
  const { header } = await merge([
    { licence: 'MIT', tokenizer: 'a' },
    { licence: 'MIT', tokenizer: 'b' },
  ])
  expect(header.licence).toBe('MIT')
  expect(header.tokenizer).toBeNull()
})

const SHARD = (index: number, count = 2): Partial<TraceHeader> => ({
  kind: 'replayed',
  planSha256: 'p',
  shard: { index, count },
})
const ROWS = (...seqs: number[]): TableRows => ({
  request: seqs.map((seq) => ({ seq, atUs: seq * 10, endpoint: 'chat', session: 's' })),
})

test('shards of one replay are joined by seq, as if one machine had sent all', async () => {
  const { request, header, how } = await merge([SHARD(1), SHARD(0)], 'auto', [
    ROWS(1, 3),
    ROWS(0, 2),
  ])
  expect(request.map(({ seq, session }) => [seq, session])).toEqual(
    [0, 1, 2, 3].map((seq) => [seq, 's']),
  )
  expect(header).toMatchObject({
    shard: null,
    planSha256: 'p',
    kind: 'replayed',
    interrupted: false,
  })
  expect(how).toEqual(['2 of 2 shards of one replay, joined by seq'])
})

test('a missing shard is named, and the result is marked', async () => {
  const { header, how } = await merge([SHARD(0, 3), SHARD(2, 3)], 'auto', [ROWS(0), ROWS(2)])
  expect(how).toContain('shards missing: 1')
  expect(header.interrupted).toBe(true)
})

test('the same shard twice is refused', async () => {
  await expect(merge([SHARD(0), SHARD(0)])).rejects.toMatchObject({ code: 'BAD_OPTION' })
})
