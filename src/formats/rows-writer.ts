/** A trace's requests under our own column names: CSV, JSONL, Parquet. Pure, but for the output. */
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { fileName, REQUEST_COLUMNS, type RequestColumn } from '../trace/columns.ts'
import type { RequestBatch, TraceReader } from '../trace/trace.ts'
import { csvField } from './csv-text.ts'
import type { Exporter, ExportResult, Output } from './exporter.ts'
import { PLAIN_COLUMNS, plainOf } from './row-cells.ts'
import { RowWriter } from './row-writer.ts'

const holds = PLAIN_COLUMNS

export const csvWriter: Exporter = {
  name: 'csv',
  title: 'CSV, our column names',
  ending: '.csv',
  holds,
  async write(reader, output) {
    const rows = new RowWriter(output)
    const used = await usedColumns(reader)
    await rows.head(used.map(fileName).join(','))
    await eachRow(reader, used, (columns, row) =>
      rows.line(
        used.map((name) => csvCell(plainOf(name, columns[name][row], columns.seq[row]))).join(','),
      ),
    )
    return rows.end(['times are µs since the first request; empty is unknown'])
  },
}

function csvCell(value: unknown): string {
  if (value === null) return ''
  return csvField(typeof value === 'string' ? value : JSON.stringify(value))
}

export const jsonlWriter: Exporter = {
  name: 'jsonl',
  title: 'JSONL, our column names',
  ending: '.jsonl',
  holds,
  async write(reader, output) {
    const rows = new RowWriter(output)
    await eachRow(reader, PLAIN_COLUMNS, (columns, row) => {
      const fields = PLAIN_COLUMNS.map(
        (name) => [fileName(name), plainOf(name, columns[name][row], columns.seq[row])] as const,
      )
      return rows.line(JSON.stringify(Object.fromEntries(fields.filter(([, v]) => v !== null))))
    })
    return rows.end(['times are µs since the first request; what is unknown is left out'])
  },
}

/** Columns that hold something, so that a CSV of lengths has no fifty empty fields. */
async function usedColumns(reader: TraceReader): Promise<RequestColumn[]> {
  const used = new Set<RequestColumn>(['seq', 'atUs', 'endpoint'])
  for await (const { rowCount, columns } of reader.requests(PLAIN_COLUMNS)) {
    for (const name of PLAIN_COLUMNS) {
      for (let row = 0; row < rowCount && !used.has(name); row += 1) {
        if (plainOf(name, columns[name][row], columns.seq[row]) !== null) used.add(name)
      }
    }
  }
  return PLAIN_COLUMNS.filter((name) => used.has(name))
}

async function eachRow(
  reader: TraceReader,
  names: readonly RequestColumn[],
  write: (columns: RequestBatch['columns'], row: number) => Promise<void>,
): Promise<void> {
  for await (const { rowCount, columns } of reader.requests(names)) {
    for (let row = 0; row < rowCount; row += 1) await write(columns, row)
  }
}

export const parquetWriter: Exporter = {
  name: 'parquet',
  title: 'Parquet, our column names',
  ending: '.parquet',
  holds,
  write: writeParquet,
}

const PARQUET_TYPES = {
  int: 'INT64',
  real: 'DOUBLE',
  flag: 'BOOLEAN',
  id: 'INT64',
  text: 'BYTE_ARRAY',
  json: 'BYTE_ARRAY',
  bytes: 'BYTE_ARRAY',
} as const

/** Rows of one row group: what has to be in memory at a time. */
const GROUP_ROWS = 100_000

async function writeParquet(reader: TraceReader, output: Output): Promise<ExportResult> {
  const bytes = new ByteWriter()
  const schema = [
    { name: 'root', num_children: PLAIN_COLUMNS.length },
    ...PLAIN_COLUMNS.map(element),
  ]
  const writer = new ParquetWriter({ writer: bytes, schema, createdBy: 'vllm-trace' })
  const group = new Map<RequestColumn, unknown[]>(PLAIN_COLUMNS.map((name) => [name, []]))
  let rowCount = 0
  const flush = async () => {
    const columnData = PLAIN_COLUMNS.map((name) => ({
      name: fileName(name),
      data: group.get(name)?.splice(0) ?? [],
    }))
    if ((columnData[0]?.data.length ?? 0) > 0) {
      await writer.write({ columnData, rowGroupSize: GROUP_ROWS })
      await output.write(bytes.getBytes().slice())
      bytes.index = 0
    }
  }
  for await (const batch of reader.requests(PLAIN_COLUMNS)) {
    for (const name of PLAIN_COLUMNS) {
      const cells = group.get(name) ?? []
      for (let row = 0; row < batch.rowCount; row += 1) {
        cells.push(parquetCell(name, batch.columns[name][row], batch.columns.seq[row]))
      }
    }
    rowCount += batch.rowCount
    if ((group.get('seq')?.length ?? 0) >= GROUP_ROWS) await flush()
  }
  await flush()
  await writer.finish()
  await output.write(bytes.getBytes().slice())
  return { rowCount, skipped: new Map(), notes: ['times are µs since the first request'] }
}

function element(name: RequestColumn) {
  const { type, nullable } = REQUEST_COLUMNS[name]
  return {
    name: fileName(name),
    type: PARQUET_TYPES[type],
    repetition_type: nullable ? ('OPTIONAL' as const) : ('REQUIRED' as const),
    ...(type === 'text' ? { converted_type: 'UTF8' as const } : {}),
    ...(type === 'json' ? { converted_type: 'JSON' as const } : {}),
  }
}

function parquetCell(name: RequestColumn, value: unknown, row?: number): unknown {
  const { type } = REQUEST_COLUMNS[name]
  if (value === null || value === undefined || Number.isNaN(value)) return null
  if (type === 'int') return BigInt(value as number)
  if (type === 'flag') return value === 1
  if (type === 'json') return plainOf(name, value, row)
  return value
}
