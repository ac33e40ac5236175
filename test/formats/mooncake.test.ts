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
