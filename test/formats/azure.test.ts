import { gzipSync, zstdCompressSync } from 'node:zlib'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import {
  hasSharedTraces,
  importFile,
  importText,
  SHARED_TRACES,
  total,
} from '../support/import-rows.ts'

const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens'
const atUs = async (lines: string[]) =>
  (await importText([HEADER, ...lines].join('\n'))).rows.map((row) => row.atUs)

describe('Azure CSV', () => {
  test('100 ns ticks keep their µs: no cut at 10 ms or 1 ms', async () => {
    expect(
      await atUs([
        '2023-11-16 18:15:46.6805900,374,44',
        '2023-11-16 18:15:46.6805914,1,1',
        '2023-11-16 18:15:46.6805915,1,1',
        '2023-11-16 18:15:50.9951690,396,109',
      ]),
    ).toEqual([0, 1, 2, 4_314_579])
  })

  test('quoted fields are read as the same fields without quotes', async () => {
    const plain = ['2023-11-16 18:15:46.6805900,374,44', '2023-11-16 18:15:50.9951690,396,109']
    const quoted = plain.map((line) => line.replace(/[^,]+/gu, '"$&"'))
    expect((await importText([HEADER, ...quoted].join('\n'))).rows).toEqual(
      (await importText([HEADER, ...plain].join('\n'))).rows,
    )
  })

  test.each([
    ['semicolons', (text: string) => text.replaceAll(',', ';')],
    ['tabs', (text: string) => text.replaceAll(',', '\t')],
    ['small letters in its heading', (text: string) => text.replace(HEADER, HEADER.toLowerCase())],
    ['UTF-16, its low byte first', (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le')],
    [
      'UTF-16, its high byte first',
      (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16(),
    ],
    ['UTF-16, packed', (text: string) => gzipSync(Buffer.from(`\uFEFF${text}`, 'utf16le'))],
  ])('a file with %s is read as it is without', async (_name, changed) => {
    const lines = '2023-11-16 18:15:46.6805900,374,44\n'.repeat(5_000)
    const text = `${HEADER}\n${lines}2023-11-16 18:15:50.9951690,396,109\n`
    const plain = await importText(text)
    expect(plain.rows).toHaveLength(5_001)
    expect((await importText(changed(text))).rows).toEqual(plain.rows)
  })

  test('its columns in Parquet give the same rows, whether times are text or timestamps', async () => {
    const times = ['2023-11-16 18:15:46.6805910', '2023-11-16 18:15:50.9951690']
    const counts = [
      { name: 'ContextTokens', data: [374n, 396n], type: 'INT64' as const },
      { name: 'GeneratedTokens', data: [44, 0], type: 'INT32' as const },
    ]
    const plain = await importText(`${HEADER}\n${times[0]},374,44\n${times[1]},396,0\n`)
    const asText = parquetWriteBuffer({
      columnData: [{ name: 'TIMESTAMP', data: times, type: 'STRING' }, ...counts],
    })
    const nanos = [1_700_158_546_680_591_000n, 1_700_158_550_995_169_000n]
    const asTimes = parquetWriteBuffer({
      columnData: [
        { name: 'timestamp', data: nanos },
        ...counts.map(({ name, data }) => ({ name, data })),
      ],
      schema: [
        { name: 'root', num_children: 3 },
        {
          name: 'timestamp',
          type: 'INT64',
          repetition_type: 'REQUIRED',
          logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' },
        },
        { name: 'ContextTokens', type: 'INT64', repetition_type: 'REQUIRED' },
        { name: 'GeneratedTokens', type: 'INT32', repetition_type: 'REQUIRED' },
      ],
    })
    expect((await importText(new Uint8Array(asText))).rows).toEqual(plain.rows)
    expect((await importText(new Uint8Array(asTimes))).rows).toEqual(plain.rows)
  })

  test('2024 files mix times with and without a fraction', async () => {
    expect(
      await atUs([
        '2024-05-12 00:00:00.001163+00:00,1,1',
        '2024-05-12 00:00:01+00:00,1,1',
        '2024-05-13 00:00:00+00:00,1,1',
      ]),
    ).toEqual([0, 998_837, 86_399_998_837])
  })

  test('offsets other than UTC count', async () => {
    expect(await atUs(['2024-05-12 02:00:00+02:00,1,1', '2024-05-12 00:00:01+00:00,1,1'])).toEqual([
      0, 1_000_000,
    ])
  })

  test('CRLF and a last line without an end give the same rows as LF', async () => {
    const lines = [HEADER, '2023-11-16 18:15:46.68,374,44', '2023-11-16 18:15:47.68,1,2']
    const unix = await importText(lines.join('\n'))
    const windows = await importText(lines.join('\r\n'))
    expect(windows.rows).toEqual(unix.rows)
    expect(unix.rows).toHaveLength(2)
  })

  test('the 2025 file keeps how many images a request had', async () => {
    const { rows } = await importText(
      'TIMESTAMP,NumImages,ContextTokens,GeneratedTokens\n2024-10-15T12:00:05.819Z,2,949,126\n',
    )
    expect(rows[0]).toMatchObject({
      promptTokens: 949,
      imageSizes: '[[null,null,null],[null,null,null]]',
    })
  })

  test('bad rows are counted with their first line and reason, and the rest is read', async () => {
    const { rows, summary } = await importText(
      `${HEADER}\n2023-11-16 18:15:46.68,x,44\nyesterday,1,2\n2023-11-16 18:15:46.68,1,2\nnow,1,2\n`,
    )
    expect(rows).toHaveLength(1)
    expect(summary.faults).toEqual([
      { reason: 'ContextTokens is not a count', count: 1, firstLine: 2 },
      { reason: 'TIMESTAMP is not a time', count: 2, firstLine: 3 },
    ])
  })

  test('--strict stops at the first bad row and names its line', async () => {
    const text = `${HEADER}\n2023-11-16 18:15:46.68,1,44\n2023-11-16 18:15:46.68,-1,44\n`
    await expect(importText(text, { isStrict: true })).rejects.toThrow(
      '-:3: ContextTokens is not a count',
    )
  })

  test('an answer of 0 tokens stays a failure', async () => {
    const { rows } = await importText(`${HEADER}\n2023-11-16 18:15:46.68,12,0\n`)
    expect(rows[0]).toMatchObject({ outputTokens: 0, outcome: 'http_error' })
  })

  test('gzip, several gzip members and zstd are read like the plain file', async () => {
    const head = `${HEADER}\n2023-11-16 18:15:46.68,1,2\n`
    const tail = '2023-11-16 18:15:47.68,3,4\n'
    const plain = await importText(head + tail)
    const members = Buffer.concat([gzipSync(head), gzipSync(tail)])
    const frames = Buffer.concat([zstdCompressSync(head), zstdCompressSync(tail)])
    expect((await importText(gzipSync(head + tail))).rows).toEqual(plain.rows)
    expect((await importText(members)).rows).toEqual(plain.rows)
    expect((await importText(zstdCompressSync(head + tail))).rows).toEqual(plain.rows)
    expect((await importText(frames)).rows).toEqual(plain.rows)
  })

  test('a cut gzip or zstd file is refused, not read as a shorter trace', async () => {
    const text = `${HEADER}\n${'2023-11-16 18:15:46.68,1,2\n'.repeat(10_000)}`
    const frames = zstdCompressSync(text)
    await expect(importText(frames.subarray(0, frames.length - 5))).rejects.toThrow(
      'damaged or cut',
    )
    const packed = gzipSync(text)
    await expect(importText(packed.subarray(0, packed.length - 20))).rejects.toThrow(
      'damaged or cut',
    )
  })

  test.skipIf(!hasSharedTraces)('the code trace has the published totals', async () => {
    const { rows } = await importFile(
      `${SHARED_TRACES}azure-llm-2023/AzureLLMInferenceTrace_code.csv`,
    )
    expect(rows).toHaveLength(8_819)
    expect(rows.at(-1)?.atUs).toBe(3_435_948_056)
    expect(total(rows, 'promptTokens')).toBe(18_059_974)
    expect(total(rows, 'outputTokens')).toBe(245_896)
  })

  test.skipIf(!hasSharedTraces)('the pieces of the week-long files are read whole', async () => {
    for (const name of [
      'AzureLLMInferenceTrace_code_1week.head5',
      'AzureLLMInferenceTrace_conv_1week.tail5',
      'AzureLMMInferenceTrace_multimodal.tail5',
    ]) {
      const { rows, summary } = await importFile(`${SHARED_TRACES}azure-llm-micro/${name}.csv`)
      expect([rows.length, summary.faults.length]).toEqual([5, 0])
    }
  })
})
