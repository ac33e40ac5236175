import { describe, expect, test } from 'vitest'
import {
  hasSharedTraces,
  importFile,
  importText,
  SHARED_TRACES,
  total,
} from '../support/import-rows.ts'

const row = (fields: object) => `${JSON.stringify(fields)}\n`
const ids = (id: string) =>
  `{"timestamp":0,"input_length":512,"output_length":1,"hash_ids":[${id}]}\n`

describe('Mooncake JSONL', () => {
  test('timestamps are ms, whatever their size', async () => {
    const { rows } = await importText(
      row({ timestamp: 27_482, input_length: 5, output_length: 1 }) +
        row({ timestamp: 30_535.5, input_length: 5, output_length: 1 }),
    )
    expect(rows.map(({ atUs }) => atUs)).toEqual([0, 3_053_500])
  })

  test('--time-unit says otherwise, also for nanoseconds written as text', async () => {
    const { rows } = await importText(
      row({ timestamp: '1753780607550317897', input_length: 5, output_length: 1 }) +
        row({ timestamp: '1753780607551318897', input_length: 5, output_length: 1 }),
      { timeUnit: 'ns' },
    )
    expect(rows.map(({ atUs }) => atUs)).toEqual([0, 1_001])
  })

  test('times that span decades in the format’s unit ask whether it is another', async () => {
    const { summary } = await importText(
      row({ timestamp: 0, input_length: 5, output_length: 1 }) +
        row({ timestamp: 600_000_000_000, input_length: 5, output_length: 1 }),
    )
    expect(summary.notes).toEqual(['it spans 19 years: is --time-unit needed?'])
  })

  test('equal leading ids share their blocks; the last block holds the rest of the prompt', async () => {
    const { rows, blocks } = await importText(
      row({ timestamp: 0, input_length: 1_100, output_length: 1, hash_ids: [0, 1, 2] }) +
        row({ timestamp: 0, input_length: 1_024, output_length: 1, hash_ids: [0, 1] }),
    )
    expect(blocks.map(({ tokens }) => tokens)).toEqual([512, 512, 76])
    expect(rows[1]?.prefixLeaf).toBe(blocks[1]?.id)
    expect(blocks[1]?.parent).toBe(blocks[0]?.id)
    expect(rows[0]?.prefixBlocks).toBe(3)
  })

  test('one id after two different prefixes is two blocks', async () => {
    const { blocks } = await importText(
      row({ timestamp: 0, input_length: 1_024, output_length: 1, hash_ids: [1, 9] }) +
        row({ timestamp: 0, input_length: 1_024, output_length: 1, hash_ids: [2, 9] }) +
        row({ timestamp: 0, input_length: 1_024, output_length: 1, hash_ids: [2, 9] }),
    )
    expect(blocks).toHaveLength(4)
    expect(new Set(blocks.map(({ id }) => id)).size).toBe(4)
  })

  test('64-bit ids are told apart below the precision of a double', async () => {
    const { blocks } = await importText(
      ids('14643705804678351452') + ids('14643705804678351453') + ids('14643705804678351452'),
    )
    expect(blocks).toHaveLength(2)
  })

  test('ids do not show those of the file, and the same file gives the same ids', async () => {
    const text = row({ timestamp: 0, input_length: 512, output_length: 1, hash_ids: [77] })
    const first = await importText(text)
    const second = await importText(text)
    expect(first.blocks).toEqual(second.blocks)
    expect(first.blocks[0]?.id).not.toBe(77n)
  })

  test('a row without hash_ids has a prompt of its own, not an empty one', async () => {
    const { rows } = await importText(row({ timestamp: 0, input_length: 900, output_length: 3 }))
    expect(rows[0]).toMatchObject({ promptTokens: 900, outputTokens: 3 })
    expect(rows[0]?.prefixLeaf ?? null).toBeNull()
  })

  test('the names that Dynamo takes for the lengths are read too', async () => {
    const { rows } = await importText(
      row({ created_time: 5, input_tokens: 9, output_tokens: 2, session_id: 'a' }),
    )
    expect(rows[0]).toMatchObject({ promptTokens: 9, outputTokens: 2 })
    expect(rows[0]?.session).toMatch(/^[0-9a-f]{16}$/)
  })

  test('a line that is no JSON is counted without quoting it', async () => {
    const { summary } = await importText(
      `${row({ timestamp: 0, input_length: 1, output_length: 1 })}{"secret": \n`,
    )
    expect(summary.faults).toEqual([{ reason: 'the line is not JSON', count: 1, firstLine: 2 }])
  })

  test.skipIf(!hasSharedTraces)('the synthetic trace has the published totals', async () => {
    const { rows, blocks } = await importFile(`${SHARED_TRACES}mooncake/synthetic_trace.jsonl`)
    expect(rows).toHaveLength(3_993)
    expect(rows.at(-1)?.atUs).toBe(1_022_025_000)
    expect(total(rows, 'promptTokens')).toBe(61_194_628)
    expect(total(rows, 'outputTokens')).toBe(595_432)
    expect(total(rows, 'prefixBlocks')).toBe(121_877)
    expect(blocks).toHaveLength(43_924)
  })
})

describe('Mooncake as other tools write it', () => {
  test('ids of 16 or 64 tokens are told from those of 512 by what they cover, and it is said', async () => {
    for (const size of [16, 64]) {
      const lengths = [1_000, 333, 90]
      const { blocks, summary } = await importText(
        lengths
          .map((tokens, seq) => {
            const hash_ids = Array.from(
              { length: Math.ceil(tokens / size) },
              (_, at) => 100 * seq + at,
            )
            return row({ timestamp: seq, input_length: tokens, output_length: 1, hash_ids })
          })
          .join(''),
      )
      expect(summary.header.hashing?.blockTokens).toBe(size)
      expect(blocks.reduce((sum, { tokens }) => sum + tokens!, 0)).toBe(1_423)
      expect(summary.notes).toContain(`its ids fit blocks of ${size} tokens, not of 512`)
    }
  })

  test('ids beyond the end of a prompt are left out, and such rows are counted', async () => {
    const { rows, blocks, summary } = await importText(
      row({ timestamp: 0, input_length: 700, output_length: 1, hash_ids: [1, 2] }) +
        row({ timestamp: 1, input_length: 700, output_length: 1, hash_ids: [1, 2, 3, 4] }),
    )
    expect(rows.map(({ prefixBlocks }) => prefixBlocks)).toEqual([2, 2])
    expect(blocks).toHaveLength(2)
    expect(summary.notes).toContain(
      '1 rows have more ids than their prompt has blocks; those beyond it are left out',
    )
  })

  test('turns that tell a delay wait for the end of the one before', async () => {
    const { rows } = await importText(
      row({ session_id: 's', timestamp: 1_000, input_length: 9, output_length: 2 }) +
        row({ session_id: 't', timestamp: 1_500, input_length: 9, output_length: 2 }) +
        row({ session_id: 's', delay: 250, input_length: 20, output_length: 2 }),
    )
    expect(rows).toMatchObject([
      { atUs: 0, turn: 0 },
      { atUs: 500_000, turn: 0 },
      {
        atUs: 250_000,
        turn: 1,
        parentSeq: 0,
        dependencies: '[{"delayUs":250000,"relation":"sequence","seq":0,"trigger":"end"}]',
      },
    ])
    expect(rows[2]?.session).toBe(rows[0]?.session)
  })

  test('text, messages and payloads are measured, and nothing of them is kept', async () => {
    const content = 'the secret of the house '.repeat(40)
    const { rows, blocks, summary } = await importText(
      row({ timestamp: 0, text_input: content, output_length: 5 }) +
        row({ timestamp: 1, messages: [{ role: 'user', content }], output_length: 6 }) +
        row({ timestamp: 2, payload: { messages: [{ role: 'user', content }], max_tokens: 7 } }) +
        row({ timestamp: 3, message_mode: 'delta', messages: [{ role: 'user', content: 'x' }] }),
    )
    expect(rows).toMatchObject([
      { endpoint: 'completions', promptTokens: 240, outputTokens: 5, tokenSource: 'estimate' },
      { endpoint: 'chat', outputTokens: 6 },
      { endpoint: 'chat', maxTokens: 7 },
    ])
    expect(rows[1]?.prefixLeaf).toBe(rows[2]?.prefixLeaf)
    expect(rows).toHaveLength(3)
    expect(summary.faults).toMatchObject([{ count: 1, firstLine: 4 }])
    expect(
      JSON.stringify([rows, blocks, summary], (_, value) =>
        String(value) === '[object Object]' || Array.isArray(value) ? value : String(value),
      ),
    ).not.toContain('secret')
  })

  test('an answer of no known length is not an answer of no tokens', async () => {
    const { rows, summary } = await importText(
      row({ timestamp: 0, input_length: 9 }) +
        row({ timestamp: 1, input_length: 9, output_length: 0 }),
    )
    expect(
      rows.map(({ outputTokens, outcome }) => [outputTokens ?? null, outcome ?? null]),
    ).toEqual([
      [null, null],
      [0, 'http_error'],
    ])
    expect(summary.notes).toContain('rows without output_length have no known answer length')
  })

  test.each([
    ['arrival_ms', 'ms', 51_000],
    ['timestamp_ms', 'ms', 51_000],
    ['arrival_time_ms', 'ms', 51_000],
    ['arrival_time', 's', 51_000_000],
  ])('the arrival may be called %s, in %s', async (name, _unit, atUs) => {
    const { rows } = await importText(
      row({ [name]: 0, input_length: 9, output_length: 2 }) +
        row({ [name]: 51, input_length: 9, output_length: 2 }),
    )
    expect(rows[1]?.atUs).toBe(atUs)
  })
})
