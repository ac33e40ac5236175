/** A trace → Mooncake JSONL, in the form that each consumer reads without a surprise. Pure. */
import type { RequestColumn } from '../trace/columns.ts'
import type { RequestBatch, TraceReader } from '../trace/trace.ts'
import { chainFault, Chains } from './chains.ts'
import type { Consumer, Exporter, ExportResult, Output } from './exporter.ts'
import { RowWriter } from './row-writer.ts'

type Form = Readonly<{
  /** µs in one unit of `timestamp`: ms, or s where the consumer takes the number as seconds. */
  usPerUnit: number
  /** null keeps the trace's own. */
  blockTokens: number | null
  hasSession: boolean
  hasModel: boolean
  hasBlockSize: boolean
  /** A row without a known prefix still gets ids where the consumer needs the list. */
  needsIds: boolean
  keepsFailures: boolean
  usage: string | null
}>

const PLAIN: Form = {
  usPerUnit: 1_000,
  blockTokens: null,
  hasSession: true,
  hasModel: true,
  hasBlockSize: false,
  needsIds: false,
  keepsFailures: true,
  usage: null,
}

/** Open loop everywhere: a session_id would make these tools wait for the turn before. */
const OPEN: Form = { ...PLAIN, hasSession: false, hasModel: false }

const FORMS: Readonly<Record<Consumer, Form>> = {
  aiperf: {
    ...OPEN,
    blockTokens: 512,
    usage: 'aiperf profile --custom-dataset-type mooncake_trace',
  },
  guidellm: {
    ...OPEN,
    usPerUnit: 1_000_000,
    blockTokens: 512,
    needsIds: true,
    usage: 'GuideLLM data kind mooncake, hash_id_block_size 512; timestamps are seconds',
  },
  vllm: {
    ...OPEN,
    usPerUnit: 1_000_000,
    blockTokens: 16,
    needsIds: true,
    keepsFailures: false,
    usage: 'vllm bench serve --dataset-name timed_trace (seconds and 16 tokens are its defaults)',
  },
  dynamo: { ...OPEN, usage: 'Dynamo reads it as Mooncake rows' },
  'kvcache-simulator': { ...OPEN, needsIds: true, hasBlockSize: true, usage: null },
}

/** Where the trace's own blocks have no fixed size. */
const DEFAULT_BLOCK_TOKENS = 512

const COLUMNS = [
  'atUs',
  'promptTokens',
  'outputTokens',
  'session',
  'model',
  'prefixLeaf',
] as const satisfies readonly RequestColumn[]

export const mooncakeWriter: Exporter = {
  name: 'mooncake',
  title: 'Mooncake JSONL',
  ending: null,
  holds: COLUMNS,
  write: (reader, output, { consumer }) =>
    writeMooncake(reader, output, consumer === null ? PLAIN : FORMS[consumer]),
}

async function writeMooncake(
  reader: TraceReader,
  output: Output,
  form: Form,
): Promise<ExportResult> {
  const chains = await Chains.load(reader)
  const blockTokens = form.blockTokens ?? reader.header.hashing.blockTokens ?? DEFAULT_BLOCK_TOKENS
  const rows = new RowWriter(output)
  for await (const { rowCount, columns } of reader.requests(COLUMNS)) {
    for (let row = 0; row < rowCount; row += 1) {
      const fault = faultOf(columns.promptTokens[row], columns.outputTokens[row], form, blockTokens)
      if (fault !== null) rows.skip(fault)
      else await rows.line(rowText(columns, row, form, chains, blockTokens))
    }
  }
  return rows.end(notesOf(form, blockTokens))
}

function faultOf(
  input: number | undefined,
  tokens: number | undefined,
  form: Form,
  blockTokens: number,
): string | null {
  if (input === undefined || !(input > 0)) return 'the prompt has no known length'
  const isUnfit =
    tokens === undefined || Number.isNaN(tokens) || (tokens === 0 && !form.keepsFailures)
  return isUnfit ? 'the answer has no tokens' : chainFault(input, blockTokens)
}

function rowText(
  columns: RequestBatch<(typeof COLUMNS)[number]>['columns'],
  row: number,
  form: Form,
  chains: Chains,
  blockTokens: number,
): string {
  const input = columns.promptTokens[row] ?? 0
  const leaf = columns.prefixLeaf[row] ?? 0n
  const session = columns.session[row] ?? null
  const model = columns.model[row] ?? null
  return JSON.stringify({
    timestamp: (columns.atUs[row] ?? 0) / form.usPerUnit,
    input_length: input,
    output_length: columns.outputTokens[row] ?? 0,
    ...(leaf === 0n && !form.needsIds ? {} : { hash_ids: chains.cut(leaf, input, blockTokens) }),
    ...(form.hasSession && session !== null ? { session_id: session } : {}),
    ...(form.hasModel && model !== null ? { model } : {}),
    ...(needsSize(form, blockTokens) ? { block_size: blockTokens } : {}),
  })
}

/** A size other than the format's own travels in each row; readers that do not know it ignore it. */
function needsSize(form: Form, blockTokens: number): boolean {
  return form.hasBlockSize || (form === PLAIN && blockTokens !== DEFAULT_BLOCK_TOKENS)
}

function notesOf(form: Form, blockTokens: number): string[] {
  const unit = form.usPerUnit === 1_000 ? 'ms' : 's'
  const size = `timestamps in ${unit}, ${blockTokens} tokens a block: the file itself says neither`
  return form.usage === null ? [size] : [size, form.usage]
}
