import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { encodeChunkTimes } from '../../src/trace/chunk-times.ts'
import { openDatabase } from '../../src/trace/query.ts'
import { rowsText } from '../../src/trace/rows-text.ts'
import { openRecording } from '../../src/trace/segment.ts'
import { newHeader } from '../../src/trace/header.ts'
import { scratchFolder } from '../support/scratch.ts'
import { writeTables } from '../support/write-tables.ts'

const scratch = scratchFolder()
const TABLES = {
  request: [
    { seq: 0, atUs: 0, endpoint: 'chat', model: 'a', promptTokens: 10, prefixLeaf: 2n ** 63n + 1n },
    { seq: 1, atUs: 9, endpoint: 'chat', model: 'a', chunkTimes: encodeChunkTimes([5, 7, 11]) },
  ],
  block: [{ id: 2n ** 63n + 1n, parent: null, tokens: 16 }],
  sample: [{ atUs: 1, metric: 'm', labels: null, value: 0.5 }],
}

async function query(path: string, sql: string): Promise<unknown[][]> {
  const database = await openDatabase(path)
  try {
    return [...database.query(sql).rows]
  } finally {
    database.close()
  }
}

test.each(['sqlite', 'arrow'])('the same SQL works over a trace in %s', async (container) => {
  const path = scratch(`t.${container}`)
  await writeTables(path, TABLES)
  expect(await query(path, 'select count(*), sum(prompt_tokens) from request')).toEqual([[2n, 10n]])
  expect(await query(path, 'select value from sample')).toEqual([[0.5]])
  const join = 'select r.seq from request r join block b on b.id = r.prefix_leaf'
  expect(await query(path, join)).toEqual([[0n]])
  const unpacked = 'select chunk_times(chunk_times) from request order by seq'
  expect(await query(path, unpacked)).toEqual([[null], ['[5,7,11]']])
})

test('a folder of segments is one trace', async () => {
  const recording = openRecording(scratch('folder'), newHeader('recorded'))
  recording.write({ completed: [{ seq: 0, atUs: 0, endpoint: 'chat', outcome: 'ok' }] })
  recording.rotate()
  recording.write({ completed: [{ seq: 1, atUs: 1, endpoint: 'chat', outcome: 'ok' }] })
  recording.close()
  expect(await query(scratch('folder'), 'select max(seq) from request')).toEqual([[1n]])
})

test.each([
  'delete from request',
  'with x as (select 1) delete from request',
  `attach '${scratch('stolen.sqlite')}' as x`,
  'pragma user_version = 2',
  '/* select */ drop table request',
  'select 1; delete from request',
])('%j is refused, and changes nothing', async (sql) => {
  for (const container of ['sqlite', 'arrow']) {
    const path = scratch(`safe.${container}`)
    await writeTables(path, TABLES)
    await expect(query(path, sql)).rejects.toMatchObject({ code: 'BAD_OPTION' })
    expect(await query(path, 'select count(*) from request')).toEqual([[2n]])
  }
  expect(existsSync(scratch('stolen.sqlite'))).toBe(false)
})

test('SQL that is wrong says why', async () => {
  await expect(query(scratch('t.sqlite'), 'select tokens from request')).rejects.toThrow(
    'no such column',
  )
})

const render = (
  format: 'table' | 'csv' | 'jsonl',
  ...row: (bigint | number | string | Uint8Array | null)[]
) => {
  const text = rowsText(
    format,
    row.map((_, index) => `c${index}`),
  )
  return text.add(row) + text.end()
}

test('a table aligns numbers to the right and texts to the left', () => {
  expect(render('table', 5n, 'a', null)).toBe('c0  c1  c2\n 5  a    –\n')
})

test('text from a trace cannot move the cursor, nor become a formula in a spreadsheet', () => {
  expect(render('table', '\u001b[31m\u202e')).toContain('\\u{1b}[31m\\u{202e}')
  expect(render('csv', '\u001b[2J\r\n\u202e')).toBe('c0\n\\u{1b}[2J\\u{d}\\u{a}\\u{202e}\n')
  expect(render('csv', '=1+1', 'a,"b"', -5)).toBe(`c0,c1,c2\n'=1+1,"a,""b""",-5\n`)
})

test('JSON carries control characters as escapes, and gives them back', () => {
  const name = 'a\u001b\u009b2J\u202e\u{e0001}ü'
  const line = render('jsonl', name)
  expect(line).toBe('{"c0":"a\\u001b\\u009b2J\\u202e\\udb40\\udc01ü"}\n')
  expect(JSON.parse(line)).toEqual({ c0: name })
})

test('JSON keeps numbers exact', () => {
  expect(render('jsonl', 2n ** 60n, 7n, Uint8Array.of(1, 255))).toBe(
    '{"c0":"1152921504606846976","c1":7,"c2":"01ff"}\n',
  )
})
