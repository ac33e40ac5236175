/** Gateway CSV with a request_json column, as llmtrafficlens reads it. Pure. */
import { csvReader, type CsvField } from './csv-table.ts'
import { isRecord, optionalCount, optionalId, optionalText, type JsonRecord } from './fields.ts'
import { bodyFacts, endpointOfBody, finishOf, usageOf, writeBodyRow } from './body-row.ts'
import { hasColumns } from './head.ts'
import type { ImportContext, LineImporter } from './importer.ts'
import { parseJson } from './json-text.ts'
import { RowFault } from './row-fault.ts'
import { parseIsoUs, parseUnitUs } from './source-time.ts'

const TIME_COLUMNS = ['timestamp', 'ts', 'created_at', 'request_time', 'time'] as const

/** Above it a number of seconds since 1970 is one of milliseconds, as the tool itself decides. */
const LARGEST_SECONDS = 1e11

export const trafficlens: LineImporter = {
  name: 'trafficlens',
  title: 'Gateway CSV with request_json (llmtrafficlens)',
  unit: 'line',
  recognises: (head) => hasColumns(head, 'request_json'),
  begin: (context, head) => csvReader(head, (field) => gatewayRow(field, context)),
}

function gatewayRow(field: CsvField, context: ImportContext): void {
  const timeUs = timeOf(field, context)
  const body = parseJson(field('request_json') ?? '')
  if (!isRecord(body)) throw new RowFault('request_json is not an object')
  const response = responseOf(field('response_json'))
  const status = optionalCount(field('status_code'), 'status_code')
  const usage = usageOf(response['usage'])
  const session = sessionOf(body)
  writeBodyRow(context, timeUs, bodyFacts(endpointOfBody(body), body), {
    ...usage,
    status,
    model: optionalText(field('model_name')) ?? optionalText(body['model']),
    finishReason: finishOf(response),
    outcome: status !== null && status >= 400 ? 'http_error' : 'ok',
    ...(session === null ? {} : { session: context.label('session', session) }),
  })
  context.header.originWallUs = context.sink.originUs
}

function timeOf(field: CsvField, context: ImportContext): number {
  const name = TIME_COLUMNS.find((column) => field(column) !== undefined)
  if (name === undefined) throw new RowFault('no column with a time')
  const text = field(name) ?? ''
  const number = Number(text)
  const isNumber = text !== '' && Number.isFinite(number)
  const own = number > LARGEST_SECONDS ? 'ms' : 's'
  const us = isNumber ? parseUnitUs(text, context.unit(own)) : parseIsoUs(text)
  if (Number.isNaN(us)) throw new RowFault(`${name} is not a time`)
  return us
}

function responseOf(text: string | undefined): JsonRecord {
  if (text === undefined || text === '') return {}
  const value = parseJson(text)
  return isRecord(value) ? value : {}
}

/** Whatever the client names its conversation by; it is numbered, not kept. */
export function sessionOf(body: JsonRecord): string | null {
  const metadata = isRecord(body['metadata']) ? body['metadata'] : {}
  return (
    optionalText(body['prompt_cache_key']) ??
    optionalId(metadata['cursorConversationId']) ??
    optionalId(metadata['user_id']) ??
    optionalId(body['user'])
  )
}
