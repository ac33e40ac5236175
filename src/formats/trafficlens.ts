/** Gateway CSV with a request_json column, as llmtrafficlens reads it. Pure. */
import { CsvRecords } from './csv-text.ts'
import { isRecord, optionalCount, optionalText, type JsonRecord } from './fields.ts'
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
  begin(context) {
    let columns: readonly string[] | null = null
    const records = new CsvRecords()
    return {
      line(text) {
        const fields = records.add(text)
        if (fields === null) return
        if (columns === null) {
          columns = fields.map((name) => name.trim())
          return
        }
        gatewayRow(Object.fromEntries(columns.map((name, at) => [name, fields[at]])), context)
      },
      end: () => records.end(),
    }
  },
}

function gatewayRow(
  fields: Readonly<Record<string, string | undefined>>,
  context: ImportContext,
): void {
  const timeUs = timeOf(fields, context)
  const body = parseJson(fields['request_json'] ?? '')
  if (!isRecord(body)) throw new RowFault('request_json is not an object')
  const response = responseOf(fields['response_json'])
  const status = optionalCount(fields['status_code'], 'status_code')
  const usage = usageOf(response['usage'])
  const session = sessionOf(body)
  writeBodyRow(context, timeUs, bodyFacts(endpointOfBody(body), body), {
    ...usage,
    status,
    model: optionalText(fields['model_name']) ?? optionalText(body['model']),
    finishReason: finishOf(response),
    outcome: status !== null && status >= 400 ? 'http_error' : 'ok',
    ...(session === null ? {} : { session: context.label('session', session) }),
  })
  context.header.originWallUs = context.sink.originUs
}

function timeOf(
  fields: Readonly<Record<string, string | undefined>>,
  context: ImportContext,
): number {
  const name = TIME_COLUMNS.find((column) => fields[column] !== undefined)
  if (name === undefined) throw new RowFault('no column with a time')
  const text = fields[name] ?? ''
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
    optionalText(metadata['cursorConversationId']) ??
    optionalText(metadata['user_id']) ??
    optionalText(body['user'])
  )
}
