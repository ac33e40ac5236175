/** LLMServingSim: planned workloads, and what a real vLLM then measured. Pure. */
import {
  asCount,
  asList,
  asRecord,
  optionalNumber,
  optionalId,
  secondsUs,
  type JsonRecord,
} from './fields.ts'
import { hasColumns, hasKeys } from './head.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { hashingOf } from './block-ids.ts'
import { RowFault } from './row-fault.ts'
import { sequenceAfter } from './session-csv.ts'
import { csvReader } from './csv-table.ts'
import { parseUnitUs, US_PER_UNIT } from './source-time.ts'

export const llmservingsim: LineImporter = {
  name: 'llmservingsim',
  title: 'LLMServingSim workload JSONL',
  unit: 'line',
  recognises: ({ record }) => hasKeys(record, 'arrival_time_ns'),
  begin: (context) => jsonLines((record) => workloadRow(record, context)),
}

function workloadRow(record: JsonRecord, context: ImportContext): void {
  const timeUs = parseUnitUs(record['arrival_time_ns'], context.unit('ns'))
  if (Number.isNaN(timeUs)) throw new RowFault('arrival_time_ns is not a number')
  const parts = record['sub_requests']
  if (parts === undefined) {
    plannedRow(record, timeUs, context)
    return
  }
  const session = optionalId(record['session_id']) ?? String(context.sink.rowCount)
  const steps = asList(parts, 'sub_requests').map((step) => asRecord(step, 'a sub-request'))
  let before: Readonly<{ seq: number; waitUs: number; dueUs: number }> | null = null
  for (const [turn, step] of steps.entries()) {
    const toolUs = optionalNumber(step['tool_duration_ns'], 'tool_duration_ns') ?? 0
    const dueUs: number = before === null ? timeUs : before.dueUs + before.waitUs
    const seq = plannedRow(step, dueUs, context)
    context.sink.text('session', context.label('session', session))
    context.sink.number('turn', turn)
    if (before !== null) {
      context.sink.number('parentSeq', before.seq)
      context.sink.text('dependencies', sequenceAfter(before.seq, before.waitUs))
    }
    before = { seq, waitUs: Math.round(toolUs * US_PER_UNIT.ns), dueUs }
  }
}

/** Tokens of a block that is cut from token ids; vLLM's own size. */
const BLOCK_TOKENS = 16
const BYTES_PER_ID = 4

/** Token ids, where they are, are content: equal beginnings are kept as blocks, the ids are not. */
function plannedRow(record: JsonRecord, timeUs: number, context: ImportContext): number {
  const { sink } = context
  const input = asCount(record['input_toks'], 'input_toks')
  const output = asCount(record['output_toks'], 'output_toks')
  const seq = sink.begin(timeUs)
  sink.number('promptTokens', input)
  sink.number('outputTokens', output)
  sink.text('tokenSource', 'tokenizer')
  if (output === 0) sink.text('outcome', 'http_error')
  addTokenBlocks(record['input_tok_ids'], context)
  return seq
}

function addTokenBlocks(value: unknown, { sink, text, header }: ImportContext): void {
  if (value === undefined || value === null) return
  const ids = asList(value, 'input_tok_ids')
  const bytes = new Uint8Array(Int32Array.from(ids, Number).buffer)
  const chain = text.chain(bytes, ids.length, BLOCK_TOKENS * BYTES_PER_ID)
  if (chain === null) return
  header.hashing = hashingOf(BLOCK_TOKENS)
  sink.id('prefixLeaf', chain.leaf)
  sink.number('prefixBlocks', chain.count)
}

/** As its first releases had it. */
export const llmservingsimTable: LineImporter = {
  name: 'llmservingsim-tsv',
  title: 'LLMServingSim workload TSV',
  unit: 'line',
  recognises: (head) => hasColumns(head, 'input_toks', 'output_toks', 'arrival_time_ns'),
  begin: (context, head) =>
    csvReader(head, (field) => {
      const timeUs = parseUnitUs(field('arrival_time_ns'), context.unit('ns'))
      if (Number.isNaN(timeUs)) throw new RowFault('arrival_time_ns is not a number')
      const lengths = { input_toks: field('input_toks'), output_toks: field('output_toks') }
      plannedRow(lengths, timeUs, context)
    }),
}

export const llmservingsimResult: LineImporter = {
  name: 'llmservingsim-result',
  title: 'LLMServingSim measurements of a real vLLM (requests.jsonl)',
  unit: 'line',
  traceKind: 'replayed',
  recognises: ({ record }) => hasKeys(record, 'input_toks', 'queued_ts', 'first_token_ts'),
  begin: (context) => jsonLines((record) => measuredRow(record, context)),
}

/** The arrival is wall clock, the rest a monotonic one: only their own differences count. */
function measuredRow(record: JsonRecord, context: ImportContext): void {
  const { sink } = context
  const timeUs = parseUnitUs(record['arrival_time'], context.unit('s'))
  if (Number.isNaN(timeUs)) throw new RowFault('arrival_time is not a number')
  const at = (name: string) => secondsUs(optionalNumber(record[name], name))
  const [queuedUs, scheduledUs] = [at('queued_ts'), at('scheduled_ts')]
  const [firstUs, lastUs] = [at('first_token_ts'), at('last_token_ts')]
  const input = asCount(record['input_toks'], 'input_toks')
  const output = asCount(record['output_toks'], 'output_toks')
  sink.begin(timeUs)
  context.header.originWallUs = sink.originUs
  sink.number('promptTokens', input)
  sink.number('outputTokens', output)
  sink.text('tokenSource', 'server')
  sink.number('lagUs', 0)
  // A first token has a time of its own only where tokens are watched as they come.
  if (firstUs !== null) sink.number('stream', 1)
  sink.text('outcome', output === 0 ? 'http_error' : 'ok')
  sink.number('ttftUs', since(firstUs, queuedUs))
  sink.number('e2eUs', since(lastUs, queuedUs))
  sink.number('serverQueueUs', since(scheduledUs, queuedUs))
  sink.number('serverTtftUs', since(firstUs, scheduledUs))
  sink.number('serverGenerateUs', since(lastUs, firstUs))
}

function since(endUs: number | null, startUs: number | null): number | null {
  return endUs === null || startUs === null ? null : endUs - startUs
}
