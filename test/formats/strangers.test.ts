/** The same rows as other people's tools write them, and files that are hardly files. */
import { writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { importFile, importText, type Imported } from '../support/import-rows.ts'
import { scratchFolder } from '../support/scratch.ts'
import { RECORD_FORMS, RECORDS, TABLE_FORMS, TABLES } from '../support/stranger-files.ts'

const scratch = scratchFolder()

/** What a row says, its names replaced by numbers in order of appearance. */
function told({ rows }: Imported) {
  const numbers = new Map<unknown, number>()
  const numberOf = (name: unknown) => {
    if (name === null || name === undefined) return null
    if (!numbers.has(name)) numbers.set(name, numbers.size)
    return numbers.get(name) ?? null
  }
  return rows.map(({ session, tenant, prefixLeaf, answerLeaf, ...row }) => ({
    ...Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)),
    names: [session, tenant, prefixLeaf, answerLeaf].map(numberOf),
  }))
}

describe.each(Object.keys(TABLES))('%s, which has columns', (name) => {
  const forms = Object.entries(TABLE_FORMS)
  const table = TABLES[name] ?? []

  test('gives the same rows in every form', async () => {
    const first = await importText(TABLE_FORMS['as it was']?.(table) ?? '')
    expect(first.summary.format).toBe(name)
    expect(first.rows).toHaveLength(table.length - 1)
    for (const [form, write] of forms) {
      const imported = await importText(write(table))
      expect([form, told(imported), imported.summary.faults]).toEqual([form, told(first), []])
    }
  })

  test('is refused with a word on its header if that is missing', async () => {
    const rows = TABLE_FORMS['as it was']?.(table.slice(1)) ?? ''
    await expect(importText(rows)).rejects.toMatchObject({
      code: 'FORMAT_UNKNOWN',
      hint: 'Its first line holds values, not the names of columns: put those above it.',
    })
  })
})

test.each(Object.keys(RECORDS))(
  '%s, one object a line, gives the same rows in every form',
  async (name) => {
    const records = RECORDS[name] ?? []
    const first = await importText(RECORD_FORMS['as it was']?.(records) ?? '')
    expect(first.summary.format).toBe(name)
    expect(first.rows.length).toBeGreaterThan(0)
    for (const [form, write] of Object.entries(RECORD_FORMS)) {
      const imported = await importText(write(records))
      expect([form, told(imported), imported.summary.faults]).toEqual([form, told(first), []])
    }
  },
)

describe('Parquet with the columns of another format', () => {
  test('Mooncake, its ids in lists of 64 bits, is read as if it were lines', async () => {
    const ids = [[10n, 18_446_744_073_709_551_000n], [10n, 18_446_744_073_709_551_001n], [10n]]
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: 'timestamp', data: [0n, 3_000n, 6_000n], type: 'INT64' },
        { name: 'input_length', data: [1_000, 1_024, 400], type: 'INT32' },
        { name: 'output_length', data: [6, 7, 8], type: 'INT32' },
        { name: 'hash_ids', data: ids.map((list) => list.map(String)), type: 'JSON' },
      ],
    })
    const { rows, blocks } = await importText(new Uint8Array(bytes))
    expect(rows.map(({ atUs, prefixBlocks }) => [atUs, prefixBlocks])).toEqual([
      [0, 2],
      [3_000_000, 2],
      [6_000_000, 1],
    ])
    expect(blocks).toHaveLength(3)
  })

  test('a row group of more rows than are decoded at once gives each of them once, from disk too', async () => {
    const count = 70_000
    const whole = Array.from({ length: count }, (_, row) => row)
    const bytes = Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: 'timestamp', data: whole, type: 'INT32' },
          { name: 'input_length', data: whole.map((row) => row % 9), type: 'INT32' },
          // Without a value in the first run: the format is told all the same.
          {
            name: 'output_length',
            data: whole.map((row) => (row < 69_999 ? null : 7)),
            type: 'INT32',
          },
        ],
        rowGroupSize: count,
      }),
    )
    const path = scratch('large.parquet')
    writeFileSync(path, bytes)
    for (const { rows } of [await importFile(path), await importText(gzipSync(bytes))]) {
      expect(rows).toHaveLength(count)
      expect(rows.every(({ atUs }, row) => atUs === row * 1_000)).toBe(true)
      expect(rows.slice(-2).map(({ outputTokens }) => outputTokens ?? null)).toEqual([null, 7])
    }
  })

  test('BurstGPT keeps its failures', async () => {
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: 'Timestamp', data: [5, 45], type: 'DOUBLE' },
        { name: 'Request tokens', data: [472, 1_087], type: 'INT32' },
        { name: 'Response tokens', data: [18, 0], type: 'INT32' },
      ],
    })
    const { rows } = await importText(new Uint8Array(bytes))
    expect(rows).toMatchObject([{ outcome: 'ok' }, { atUs: 40_000_000, outcome: 'http_error' }])
  })
})

describe('times', () => {
  const line = (timestamp: unknown) =>
    `${JSON.stringify({ timestamp, input_length: 9, output_length: 1 })}\n`
  const at = async (...times: unknown[]) =>
    (await importText(times.map(line).join(''))).rows.map(({ atUs }) => atUs)

  test('a date is read where a number is usual, with or without a zone', async () => {
    expect(await at('2026-11-20T10:00:00.000250Z', '2026-11-20 12:00:01+02:00')).toEqual([
      0, 999_750,
    ])
  })

  test('a number in any unit is that unit only if it is said', async () => {
    const seconds = line(1_753_780_607.25) + line(1_753_780_609.5)
    const { rows } = await importText(seconds, { timeUnit: 's' })
    expect(rows.map(({ atUs }) => atUs)).toEqual([0, 2_250_000])
    expect(await at(1_753_780_607.25, 1_753_780_609.5)).toEqual([0, 2_250])
  })

  test('a clock that makes sense in another unit only asks for that unit', async () => {
    const notes = async (text: string, options = {}) =>
      (await importText(text, options)).summary.notes.filter((note) => note.includes('--time-unit'))
    const asked = (read: string, unit: string) => [
      `its numbers were read as ${read}; as ${unit} its clock would begin in 2025: ` +
        `is --time-unit ${unit} meant?`,
    ]
    const seconds = line(1_753_780_607.25)
    expect(await notes(seconds)).toEqual(asked('ms', 's'))
    expect(await notes(seconds, { timeUnit: 's' })).toEqual([])
    expect(await notes(line(1_753_780_607_250))).toEqual([])
    expect(await notes(line(1_753_780_607_250_000_000))).toEqual(asked('ms', 'ns'))
    expect(await notes(line(5_000))).toEqual([])
    const agent = { timestamp: 1_753_780_607, input: 'a', output: 'b', session_id: 1 }
    expect(await notes(JSON.stringify(agent))).toEqual(asked('us', 's'))
  })

  test('one beyond what a trace can hold is a row left out, not a trace that cannot be written', async () => {
    const { rows, summary } = await importText(line(0) + line(1e300) + line(5))
    expect(rows.map(({ atUs }) => atUs)).toEqual([0, 5_000])
    expect(summary.faults).toMatchObject([{ reason: 'its time is beyond 2^53 µs', count: 1 }])
  })

  test('hundreds of requests within less than a millisecond ask whether the unit is another', async () => {
    const text = Array.from({ length: 200 }, (_, index) => line(index * 1e-4)).join('')
    expect((await importText(text)).summary.notes.join()).toContain('is --time-unit needed?')
  })
})

test('lists, truth values and blanks are no counts', async () => {
  const line = (input_length: unknown) =>
    JSON.stringify({ timestamp: 0, input_length, output_length: 1 })
  const { rows, summary } = await importText([[], true, ' ', null, 'many', 7].map(line).join('\n'))
  expect(rows).toMatchObject([{ promptTokens: 7 }])
  expect(summary.faults).toMatchObject([
    { reason: 'input_length is not a count', count: 3 },
    { reason: 'input_length is missing', count: 2 },
  ])
})

test('a number that no column can hold is rounded, or not known', async () => {
  const priorities = [0.6, 1e300].map((priority, index) => ({
    request_id: index,
    input_length: 9,
    output_length: 1,
    priority,
  }))
  const head = { schema: 'dynamo.agentic_mooncake', version: 2, block_size: 4 }
  const { rows } = await importText(
    [head, ...priorities].map((row) => JSON.stringify(row)).join('\n'),
  )
  expect(rows.map(({ priority }) => priority)).toEqual([1, null])
})

test.each([
  ['a log of messages and sessions, its times under a name of its own', { messages: [], at: 7 }],
  ['a log of counts and sessions, likewise', { input_tokens: 9, output_tokens: 1, ts: 7 }],
  ['a run of another tracer', { start_time: 1, end_time: 2, prompt_tokens: 9 }],
])('%s is refused, not read without its times', async (_, record) => {
  for (const text of [JSON.stringify({ session_id: 'a', ...record }), JSON.stringify([record])]) {
    await expect(importText(text)).rejects.toMatchObject({ code: 'FORMAT_UNKNOWN' })
  }
})

test('a turn that stands before the one it follows is a fault, not a prompt of another length', async () => {
  const [header = [], first = [], second = []] = TABLES['session-csv'] ?? []
  const { rows, summary } = await importText(
    [header, second, first].map((row) => row.join(',')).join('\n'),
  )
  expect(rows).toHaveLength(1)
  expect(summary.faults).toMatchObject([{ firstLine: 3, count: 1 }])
})
