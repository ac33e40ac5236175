/** Spans out of the JSON forms in which they are written: a tree file, a list, OTLP. Pure. */
import { isRecord, optionalText, type JsonRecord } from './fields.ts'
import { RowFault } from './row-fault.ts'
import { parseIsoUs, parseUnitUs } from './source-time.ts'

export type Span = Readonly<{
  id: string
  /** The span that this one is part of; null for the first of a trace. */
  parentId: string | null
  /** A conversation's id if the span has one, else its trace. */
  session: string
  startUs: number
  endUs: number
  isError: boolean
  attributes: JsonRecord
}>

const SESSION_KEYS = ['gen_ai.conversation.id', 'session.id', 'exgentic.session.id'] as const

export function spansOf(document: unknown): Span[] {
  if (Array.isArray(document)) return document.flatMap((item: unknown) => spansOf(item))
  if (!isRecord(document)) throw new RowFault('a span is not an object')
  if (Array.isArray(document['resourceSpans'])) return otlpSpans(document['resourceSpans'])
  const traceId = optionalText(document['trace_id']) ?? ''
  if (Array.isArray(document['spans'])) {
    return document['spans'].map((item: unknown) => spanOf(item, traceId))
  }
  return [spanOf(document, traceId)]
}

function otlpSpans(resources: readonly unknown[]): Span[] {
  return resources
    .flatMap((resource) => listIn(resource, 'scopeSpans'))
    .flatMap((scope) => listIn(scope, 'spans'))
    .map((item) => spanOf(item, ''))
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const list: unknown = isRecord(value) ? value[name] : null
  return Array.isArray(list) ? (list as unknown[]) : []
}

function spanOf(item: unknown, traceId: string): Span {
  if (!isRecord(item)) throw new RowFault('a span is not an object')
  // The console exporters of the SDKs keep both ids apart from the rest.
  const ids = isRecord(item['context']) ? item['context'] : item
  const id = optionalText(firstOf(ids, 'span_id', 'spanId'))
  if (id === null) throw new RowFault('a span has no id')
  const trace = optionalText(firstOf(ids, 'trace_id', 'traceId')) ?? traceId
  const parent = optionalText(firstOf(item, 'parent_id', 'parent_span_id', 'parentSpanId'))
  const attributes = attributesOf(item['attributes'])
  const named = SESSION_KEYS.map((key) => optionalText(attributes[key])).find((key) => key !== null)
  const startUs = timeOf(firstOf(item, 'start_time', 'startTimeUnixNano'))
  return {
    id: `${trace}/${id}`,
    parentId: parent === null ? null : `${trace}/${parent}`,
    session: `${trace}/${named ?? ''}`,
    startUs,
    endUs: Math.max(startUs, timeOf(firstOf(item, 'end_time', 'endTimeUnixNano'))),
    isError: isRecord(item['status']) && isErrorCode(item['status']),
    attributes,
  }
}

/** What stands under the first of these names, as the forms differ in their spelling. */
function firstOf(record: JsonRecord, ...names: readonly string[]): unknown {
  return names.map((name) => record[name]).find((value) => value !== undefined && value !== null)
}

function isErrorCode(status: JsonRecord): boolean {
  const code = firstOf(status, 'code', 'status_code')
  return code === 2 || code === 'ERROR' || code === 'STATUS_CODE_ERROR'
}

/** ISO text, or nanoseconds since 1970 as OTLP has them. */
function timeOf(value: unknown): number {
  const text = String(value)
  const us = /^\d+$/.test(text) ? parseUnitUs(text, 'ns') : parseIsoUs(text)
  if (Number.isNaN(us)) throw new RowFault('a span has no time')
  return us
}

/** A plain object, or OTLP's list of keys and typed values. */
function attributesOf(value: unknown): JsonRecord {
  if (isRecord(value)) return value
  if (!Array.isArray(value)) return {}
  const entries = value.flatMap((item: unknown) => {
    if (!isRecord(item) || typeof item['key'] !== 'string') return []
    return [[item['key'], plainOf(item['value'])] as const]
  })
  return Object.fromEntries(entries)
}

function plainOf(value: unknown): unknown {
  if (!isRecord(value)) return value
  if ('stringValue' in value) return value['stringValue']
  if ('intValue' in value) return Number(value['intValue'])
  if ('doubleValue' in value) return value['doubleValue']
  if ('boolValue' in value) return value['boolValue']
  const list: unknown = isRecord(value['arrayValue']) ? value['arrayValue']['values'] : null
  return Array.isArray(list) ? list.map((item: unknown) => plainOf(item)) : null
}
