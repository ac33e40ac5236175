/** A trace → inference-sim (BLIS) trace v2: CSV, and its YAML header beside it. Pure, but for the output. */
import type { RequestColumn } from '../trace/columns.ts'
import type { TraceReader } from '../trace/trace.ts'
import { Chains } from './chains.ts'
import { csvField } from './csv-text.ts'
import type { Exporter } from './exporter.ts'
import { RowWriter } from './row-writer.ts'
import { sizedRows, type SizedView } from './row-view.ts'

const COLUMNS = [
  'seq',
  'atUs',
  'lagUs',
  'session',
  'turn',
  'tenant',
  'model',
  'adapter',
  'stream',
  'promptTokens',
  'outputTokens',
  'reasoningTokens',
  'tokenSource',
  'prefixLeaf',
  'outcome',
  'finishReason',
  'ttftUs',
  'e2eUs',
] as const satisfies readonly RequestColumn[]

type Row = SizedView<(typeof COLUMNS)[number]>

export const inferenceSimWriter: Exporter = {
  name: 'inference-sim',
  title: 'inference-sim (BLIS) trace v2 CSV, with its .yaml beside it',
  ending: null,
  holds: COLUMNS.filter((name) => name !== 'prefixLeaf'),
  async write(reader, output) {
    const chains = await Chains.load(reader)
    const rows = new RowWriter(output)
    const isReal = reader.header.kind === 'recorded' || reader.header.kind === 'replayed'
    await rows.head(NAMES.join(','))
    for await (const row of sizedRows(reader, COLUMNS, null, rows.skip)) {
      const cells = cellsOf(row, chains)
      await rows.line(NAMES.map((name) => csvField(String(cells[name]))).join(','))
    }
    output.beside('.yaml', yamlOf(reader, isReal))
    return rows.end(['the header stands beside it, under the same name and .yaml'])
  },
}

type Cell = string | number | boolean

const NAMES = [
  'request_id',
  'client_id',
  'tenant_id',
  'slo_class',
  'session_id',
  'round_index',
  'prefix_group',
  'prefix_length',
  'streaming',
  'input_tokens',
  'output_tokens',
  'text_tokens',
  'image_tokens',
  'audio_tokens',
  'video_tokens',
  'reason_ratio',
  'model',
  'deadline_us',
  'server_input_tokens',
  'arrival_time_us',
  'send_time_us',
  'first_chunk_time_us',
  'last_chunk_time_us',
  'num_chunks',
  'status',
  'error_message',
  'finish_reason',
  'adapter',
] as const

function cellsOf(row: Row, chains: Chains): Readonly<Record<(typeof NAMES)[number], Cell>> {
  const { promptTokens: prompt, outputTokens: output } = row
  const prefix = groupOf(row, chains)
  return {
    request_id: row.seq,
    client_id: row.tenant ?? '',
    tenant_id: row.tenant ?? '',
    slo_class: '',
    session_id: row.session ?? '',
    round_index: row.turn ?? 0,
    prefix_group: prefix.group,
    prefix_length: prefix.length,
    streaming: Boolean(row.stream),
    input_tokens: prompt,
    output_tokens: output,
    text_tokens: prompt,
    image_tokens: 0,
    audio_tokens: 0,
    video_tokens: 0,
    reason_ratio: output > 0 ? (row.reasoningTokens ?? 0) / output : 0,
    model: row.model ?? '',
    deadline_us: 0,
    server_input_tokens: row.tokenSource === 'server' ? prompt : 0,
    arrival_time_us: row.atUs,
    ...timesOf(row),
    num_chunks: output,
    status: statusOf(row.outcome),
    error_message: errorOf(row.outcome),
    finish_reason: row.finishReason ?? '',
    adapter: row.adapter ?? '',
  }
}

/** Its groups are one prefix each: a chain is given as the whole of what it covers. */
function groupOf(row: Row, chains: Chains): Readonly<{ group: string; length: number }> {
  if (row.prefixLeaf === null) return { group: '', length: 0 }
  const length = Math.min(chains.coveredTokens(row.prefixLeaf), row.promptTokens)
  return { group: row.prefixLeaf.toString(16).padStart(16, '0'), length }
}

/** 0 where nothing was sent, as generated traces have it. */
function timesOf({ atUs, lagUs, ttftUs, e2eUs }: Row) {
  const sentUs = ttftUs === null && e2eUs === null ? 0 : atUs + (lagUs ?? 0)
  return {
    send_time_us: sentUs,
    first_chunk_time_us: ttftUs === null ? 0 : sentUs + ttftUs,
    last_chunk_time_us: e2eUs === null ? 0 : sentUs + e2eUs,
  }
}

function errorOf(outcome: string | null): string {
  return outcome === null || outcome === 'ok' ? '' : outcome
}

function statusOf(outcome: string | null): string {
  if (outcome === null || outcome === 'ok') return 'ok'
  return outcome === 'timeout' ? 'timeout' : 'error'
}

function yamlOf({ header }: TraceReader, isReal: boolean): string {
  const model = header.server.models[0]
  return [
    'trace_version: 2',
    'time_unit: us',
    `mode: ${isReal ? 'real' : 'generated'}`,
    'warm_up_requests: 0',
    ...(model === undefined
      ? []
      : ['server:', '  type: vllm', `  model: ${JSON.stringify(model)}`]),
    '',
  ].join('\n')
}
