/** inference-sim (BLIS) trace v2: CSV of measured requests, its YAML header before it or beside it. Pure. */
import type { RequestRow } from '../trace/columns.ts'
import { asCount, optionalCount, optionalNumber, optionalText } from './fields.ts'
import { hasColumns } from './head.ts'
import type { ImportContext, LineImporter } from './importer.ts'
import { hashingOf } from './block-ids.ts'
import { RowFault } from './row-fault.ts'
import { csvReader, type CsvField } from './csv-table.ts'
import { parseUnitUs } from './source-time.ts'

const MARKS = ['request_id', 'client_id', 'tenant_id', 'arrival_time_us'] as const

export const inferenceSim: LineImporter = {
  name: 'inference-sim',
  title: 'inference-sim (BLIS) trace v2 CSV',
  unit: 'line',
  recognises: (head) => hasColumns(head, ...MARKS) || /^trace_version: *\d/m.test(head.text),
  begin(context, head) {
    const rows = csvReader(head, (field) => simulatedRow(field, context))
    let isHeader = true
    return {
      ...rows,
      line(text) {
        if (isHeader) isHeader = !MARKS.every((name) => text.toLowerCase().includes(name))
        if (!isHeader) rows.line(text)
      },
    }
  },
}

const OUTCOMES: ReadonlyMap<string, string> = new Map([
  ['ok', 'ok'],
  ['error', 'http_error'],
  ['timeout', 'timeout'],
])

function simulatedRow(field: CsvField, context: ImportContext): void {
  const { sink } = context
  const timeUs = parseUnitUs(field('arrival_time_us'), context.unit('us'))
  if (Number.isNaN(timeUs)) throw new RowFault('arrival_time_us is not a number')
  const sizes = sizesOf(field)
  const prefix = prefixOf(field, context)
  const priority = optionalNumber(field('vllm_priority'), 'vllm_priority')
  const owner = field('tenant_id') || field('client_id') || ''
  sink.row(timeUs, {
    ...sizes,
    ...sessionOf(field, context),
    ...(owner === '' ? {} : { tenant: context.label('tenant', owner) }),
    model: optionalText(field('model')),
    adapter: optionalText(field('adapter')),
    stream: field('streaming') === 'true',
    priority,
    finishReason: optionalText(field('finish_reason')),
    outcome: OUTCOMES.get(field('status') ?? '') ?? null,
    prefixLeaf: prefix,
    prefixBlocks: prefix === null ? null : 1,
    ...timesOf(field, timeUs, context),
  })
}

function sizesOf(field: CsvField): Partial<RequestRow> {
  const told = asCount(field('input_tokens'), 'input_tokens')
  const served = optionalCount(field('server_input_tokens'), 'server_input_tokens') ?? 0
  const output = asCount(field('output_tokens'), 'output_tokens')
  const reason = optionalNumber(field('reason_ratio'), 'reason_ratio') ?? 0
  return {
    promptTokens: served > 0 ? served : told,
    outputTokens: output,
    tokenSource: served > 0 ? 'server' : 'tokenizer',
    reasoningTokens: reason > 0 ? Math.round(reason * output) : null,
  }
}

function sessionOf(field: CsvField, context: ImportContext): Partial<RequestRow> {
  const session = field('session_id') ?? ''
  if (session === '') return {}
  const turn = optionalCount(field('round_index'), 'round_index')
  return { session: context.label('session', session), turn }
}

/** In generated traces the times after the arrival are 0: nothing was sent. */
function timesOf(field: CsvField, timeUs: number, context: ImportContext): Partial<RequestRow> {
  const at = (name: string) => parseUnitUs(field(name), context.unit('us'))
  const [sentUs, firstUs] = [at('send_time_us'), at('first_chunk_time_us')]
  const lastUs = at('last_chunk_time_us')
  if (!(sentUs > 0)) return {}
  return {
    lagUs: Math.max(0, sentUs - timeUs),
    ttftUs: firstUs >= sentUs ? firstUs - sentUs : null,
    e2eUs: lastUs >= sentUs ? lastUs - sentUs : null,
  }
}

/** A group's members share so many tokens from the start. */
function prefixOf(field: CsvField, context: ImportContext): bigint | null {
  const group = field('prefix_group') ?? ''
  const length = optionalCount(field('prefix_length'), 'prefix_length') ?? 0
  if (group === '' || length === 0) return null
  context.header.hashing = hashingOf(null)
  return context.blocks.extend([`${group}/${length}`], () => length).leaf
}
