/** Columnar files: Baseten traces in Parquet and Arrow, and what is neither. */
import {
  Field,
  Int64,
  LargeUtf8,
  List,
  tableFromArrays,
  tableToIPC,
  Utf8,
  Utf8View,
  vectorFromArray,
  Table,
} from 'apache-arrow'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import type { RequestRow } from '../../src/trace/columns.ts'
import { openTrace } from '../../src/trace/open.ts'
import { importFile, importText } from '../support/import-rows.ts'
import { readTables } from '../support/write-tables.ts'

const STARTS = [1_753_780_607_550n, 1_753_780_608_050n, 1_753_780_609_000n]
const HASHES = [[11n, 12n], [11n, 13n], [11n]]

function parquet(): Uint8Array {
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'timestamp_start_unix_ms', data: STARTS, type: 'INT64' },
        { name: 'prompt', data: ['secret one', 'secret two', 'secret three'], type: 'STRING' },
        { name: 'input_tokens', data: [128, 100, 64], type: 'INT32' },
        { name: 'output_tokens', data: [5, 0, 7], type: 'INT32' },
        { name: 'block_size', data: [64, 64, 64], type: 'INT32' },
        { name: 'request_canceled', data: [0, 0, 1], type: 'INT32' },
        { name: 'duration_ttft_ms', data: [12.5, 13.25, 14], type: 'DOUBLE' },
        { name: 'duration_e2e_ms', data: [100, 90, 80], type: 'DOUBLE' },
        { name: 'provided_session_id', data: ['jane', null, 'jane'], type: 'STRING' },
      ],
    }),
  )
}

function arrow(): Uint8Array {
  const list = new List(new Field('item', new Int64()))
  const table = new Table({
    timestamp_start_unix_ms: vectorFromArray(STARTS, new Int64()),
    prompt: vectorFromArray(['a', 'b', 'c'], new Utf8()),
    input_tokens: vectorFromArray([128n, 100n, 64n], new Int64()),
    output_tokens: vectorFromArray([5n, 6n, 7n], new Int64()),
    total_hashes: vectorFromArray(HASHES, list),
    block_size: vectorFromArray([64n, 64n, 64n], new Int64()),
  })
  return tableToIPC(table, 'file')
}

describe('Baseten', () => {
  test('Parquet: sizes, latencies, cancelled requests; prompts and names are not read', async () => {
    const { rows } = await importText(parquet())
    expect(rows).toMatchObject([
      { atUs: 0, promptTokens: 128, outputTokens: 5, ttftUs: 12_500, e2eUs: 100_000 },
      { atUs: 500_000, outcome: 'http_error' },
      { atUs: 1_450_000, outcome: 'client_abort', abortUs: 80_000 },
    ])
    expect(rows[0]?.session).toBe(rows[2]?.session)
    const text = JSON.stringify(rows, (_key, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    )
    expect(text).not.toMatch(/secret|jane/)
  })

  test('Arrow: hashes are chained and renumbered', async () => {
    const { rows, blocks, summary } = await importText(arrow())
    expect(rows.map(({ prefixBlocks }) => prefixBlocks)).toEqual([2, 2, 1])
    expect(blocks.map(({ tokens }) => tokens)).toEqual([64, 64, 36])
    expect(blocks.map(({ id }) => id)).not.toContain(11n)
    expect(summary.header.hashing?.blockTokens).toBe(64)
  })

  test('a file that is cut, or of other columns, is refused in fixed words', async () => {
    const whole = parquet()
    await expect(importText(whole.subarray(0, whole.length - 9))).rejects.toThrow(
      'its footer cannot be read',
    )
    const other = tableToIPC(tableFromArrays({ x: [1, 2] }), 'file')
    await expect(importText(other)).rejects.toThrow('is in no format that is known here')
    const table = parquetWriteBuffer({ columnData: [{ name: 'x', data: [1, 2] }] })
    await expect(importText(new Uint8Array(table))).rejects.toThrow(
      'its columns are of no format that is known here',
    )
  })
})

/** As pandas (large texts) or polars (text views) writes our columns. */
function written(text: LargeUtf8 | Utf8View): Uint8Array {
  const long = 'a model name beyond the twelve bytes that a view holds itself'
  const table = new Table({
    seq: vectorFromArray([0n, 1n, 2n], new Int64()),
    at_us: vectorFromArray([0n, 5n, 9n], new Int64()),
    endpoint: vectorFromArray(['chat', 'completions', 'nonsense'], text),
    model: vectorFromArray([long, null, 'short'], text),
    own: vectorFromArray([1n, 2n, 3n], new Int64()),
  })
  return tableToIPC(table, 'file')
}

describe('Arrow files that another program wrote from a trace', () => {
  test.each([
    ['large texts', new LargeUtf8()],
    ['text views', new Utf8View()],
  ])('one with %s gives its rows, and counts those it cannot read', async (_name, text) => {
    const { rows, summary } = await importText(written(text))
    expect(rows.map(({ seq, atUs, endpoint }) => [seq, atUs, endpoint])).toEqual([
      [0, 0, 'chat'],
      [1, 5, 'completions'],
    ])
    expect(rows[0]?.model).toHaveLength(61)
    expect(rows[1]?.model).toBe(null)
    expect(summary.faults).toEqual([
      { reason: 'endpoint holds something else', count: 1, firstLine: 0 },
    ])
  })

  test('one that polars wrote of a trace gives its rows, texts and bytes', async () => {
    const reader = await openTrace('fixtures/trace-v1.arrow')
    const { request } = await readTables(reader)
    await reader.close()
    const { rows } = await importFile('fixtures/polars-views.arrow')
    const kept = ({ seq, atUs, model, chunkTimes }: Partial<RequestRow>) => [
      seq,
      atUs,
      model,
      Buffer.from(chunkTimes ?? []),
    ]
    expect(rows.map(kept)).toEqual(request.map(kept))
  })

  test('cut, or with a bit turned anywhere, gives rows or an error in words', async () => {
    const whole = written(new Utf8View())
    for (let at = 8; at < whole.length; at += 7) {
      const turned = Uint8Array.from(whole)
      turned[at] = (turned[at] ?? 0) ^ (1 << (at % 8))
      const seen = await importText(turned, { format: 'arrow' }).then(
        () => 'read',
        (error: unknown) => (error as { code?: unknown }).code,
      )
      expect(seen, `bit at ${at}`).toMatch(/^(?:read|TRACE_UNREADABLE)$/u)
    }
  })
})
