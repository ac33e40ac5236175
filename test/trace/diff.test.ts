import { expect, test } from 'vitest'
import { formatDifference } from '../../src/trace/diff-text.ts'
import { diffTraces } from '../../src/trace/diff.ts'
import { rowsTrace, type TableRows } from '../support/rows-trace.ts'

const ROW = { seq: 0, atUs: 0, endpoint: 'chat', model: 'a', outcome: 'ok' }
const diff = async (left: TableRows, right: TableRows) =>
  diffTraces(rowsTrace(left, 2), rowsTrace(right, 3))

test('equal traces are the same, however they are batched', async () => {
  const request = Array.from({ length: 9 }, (_, seq) => ({ ...ROW, seq, atUs: seq }))
  const difference = await diff({ request }, { request })
  expect(difference.isSame).toBe(true)
  expect(formatDifference(difference)).toBe('same rows  9 and 9 requests\n')
})

test('each column that differs is named, with its count and the first row', async () => {
  const left = [ROW, { ...ROW, seq: 1, atUs: 5 }]
  const right = [
    { ...ROW, model: 'b' },
    { ...ROW, seq: 1, atUs: 7, model: null },
  ]
  const difference = await diff({ request: left }, { request: right })
  expect(difference.changed).toBe(2)
  expect(difference.columns).toEqual([
    { column: 'model', count: 2, seq: 0, left: 'a', right: 'b' },
    { column: 'at_us', count: 1, seq: 1, left: 5, right: 7 },
  ])
})

test('rows that only one trace has are counted, and the first named', async () => {
  const { onlyLeft, onlyRight, isSame } = await diff(
    { request: [ROW, { ...ROW, seq: 3, atUs: 3 }] },
    { request: [ROW, { ...ROW, seq: 7, atUs: 3 }, { ...ROW, seq: 8, atUs: 3 }] },
  )
  expect(onlyLeft).toEqual({ count: 1, first: [3] })
  expect(onlyRight).toEqual({ count: 2, first: [7, 8] })
  expect(isSame).toBe(false)
})

test('blocks, events, gaps and samples count too', async () => {
  const left: TableRows = {
    block: [
      { id: 1n, parent: null, tokens: 16 },
      { id: 2n, parent: 1n, tokens: 16 },
    ],
    event: [
      { atUs: 0, kind: 'a', detail: null },
      { atUs: 0, kind: 'a', detail: null },
    ],
    sample: [{ atUs: 0, metric: 'm', labels: null, value: 1 }],
  }
  const right: TableRows = {
    block: [
      { id: 1n, parent: null, tokens: 16 },
      { id: 2n, parent: 1n, tokens: 17 },
    ],
    event: [{ atUs: 0, kind: 'a', detail: null }],
    gap: [{ fromUs: 0, toUs: 1, reason: 'disk', count: 1 }],
    sample: [{ atUs: 0, metric: 'm', labels: null, value: 2 }],
  }
  expect(await diff(left, right)).toMatchObject({
    blocks: { onlyLeft: 1, onlyRight: 1 },
    events: { onlyLeft: 1, onlyRight: 0 },
    gaps: { onlyLeft: 0, onlyRight: 1 },
    samples: { onlyLeft: 1, onlyRight: 1 },
    isSame: false,
  })
})

test('no value can move the cursor of the terminal', async () => {
  const difference = await diff(
    { request: [ROW] },
    { request: [{ ...ROW, model: '\u001b[2J\u202eb' }] },
  )
  expect(formatDifference(difference)).toContain('a → \\u{1b}[2J\\u{202e}b')
})
