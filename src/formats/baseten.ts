/** Baseten traces, Parquet or Arrow: prompts are passed over, hashes renumbered. Pure. */
import { readArrowColumns } from '../trace/arrow-foreign.ts'
import {
  asCount,
  firstToken,
  millisUs,
  optionalCount,
  optionalNumber,
  optionalId,
  type JsonRecord,
} from './fields.ts'
import type { BytesImporter, ImportContext } from './importer.ts'
import { addChain, blockIds } from './block-ids.ts'
import { recordsOf } from './parquet-thread.ts'
import { RowFault } from './row-fault.ts'
import { parseUnitUs } from './source-time.ts'

/** Only these are read; `prompt` and `request_body` never are. */
export const BASETEN_COLUMNS = [
  'timestamp_start_unix_ms',
  'input_tokens',
  'output_tokens',
  'total_hashes',
  'block_size',
  'provided_session_id',
  'poor_man_session_id',
  'duration_ttft_ms',
  'duration_e2e_ms',
  'request_canceled',
  'cached_tokens_reference',
] as const

const DEFAULT_BLOCK_TOKENS = 64

export const baseten: BytesImporter = {
  name: 'baseten',
  title: 'Baseten trace, Parquet or Arrow IPC file',
  unit: 'bytes',
  recognises: ({ bytes }) => {
    const start = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return start.toString('latin1', 0, 6) === 'ARROW1' && start.includes(BASETEN_COLUMNS[0])
  },
  async readBytes(bytes, context) {
    const { rowCount, columns } = readArrowColumns(bytes, BASETEN_COLUMNS)
    for (const row of recordsOf({ rowCount, columns })) addBasetenRow(row, context)
  },
}

/** A row that cannot be read is counted, and the rest goes on. */
export function addBasetenRow(row: JsonRecord, context: ImportContext): void {
  try {
    basetenRow(row, context)
  } catch (error) {
    if (!(error instanceof RowFault)) throw error
    context.fault(error.message)
  }
}

function basetenRow(row: JsonRecord, context: ImportContext): void {
  const { sink } = context
  const timeUs = parseUnitUs(row['timestamp_start_unix_ms'], context.unit('ms'))
  if (Number.isNaN(timeUs)) throw new RowFault('timestamp_start_unix_ms is not a number')
  const number = (name: string) => {
    const value = row[name]
    return optionalNumber(typeof value === 'bigint' ? Number(value) : value, name)
  }
  const input = asCount(number('input_tokens'), 'input_tokens')
  const output = asCount(number('output_tokens'), 'output_tokens')
  const hashes = row['total_hashes']
  const list = ArrayBuffer.isView(hashes) ? [...(hashes as unknown as Iterable<unknown>)] : hashes
  const ids = blockIds(list)
  const size = optionalCount(number('block_size'), 'block_size') ?? DEFAULT_BLOCK_TOKENS
  const session = optionalId(row['provided_session_id']) ?? optionalId(row['poor_man_session_id'])
  const isCancelled = Boolean(number('request_canceled') ?? 0)
  const [ttftUs, e2eUs] = [
    millisUs(number('duration_ttft_ms')),
    millisUs(number('duration_e2e_ms')),
  ]
  const cached = optionalCount(number('cached_tokens_reference'), 'cached_tokens_reference')
  sink.row(timeUs, {
    promptTokens: input,
    outputTokens: output,
    cachedTokens: cached,
    tokenSource: 'server',
    ...firstToken(ttftUs),
    e2eUs: isCancelled ? null : e2eUs,
    abortUs: isCancelled ? e2eUs : null,
    outcome: isCancelled ? 'client_abort' : output === 0 ? 'http_error' : 'ok',
    ...(session === null ? {} : { session: context.label('session', session) }),
  })
  context.header.originWallUs = sink.originUs
  addChain(context, ids, input, size)
}
