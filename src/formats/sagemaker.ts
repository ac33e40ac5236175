/** SageMaker data capture: JSONL of what went into and came out of an endpoint. Pure. */
import { bodyFacts, endpointOfBody, finishOf, usageOf, writeBodyRow } from './body-row.ts'
import { asRecord, isRecord, type JsonRecord } from './fields.ts'
import { hasKeys } from './head.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { parseJson } from './json-text.ts'
import { RowFault } from './row-fault.ts'
import { parseIsoUs } from './source-time.ts'
import { sessionOf } from './trafficlens.ts'

export const sagemaker: LineImporter = {
  name: 'sagemaker',
  title: 'SageMaker data capture JSONL, a file or a folder',
  unit: 'line',
  recognises: ({ record }) => hasKeys(record, 'captureData', 'eventMetadata'),
  begin: (context) => jsonLines((record) => captureRow(record, context)),
}

function captureRow(record: JsonRecord, context: ImportContext): void {
  const capture = asRecord(record['captureData'], 'captureData')
  const event = asRecord(record['eventMetadata'], 'eventMetadata')
  const timeUs = parseIsoUs(String(event['inferenceTime']))
  if (Number.isNaN(timeUs)) throw new RowFault('inferenceTime is not a time')
  const body = payloadOf(capture['endpointInput'])
  if (body === null) throw new RowFault('endpointInput is no JSON body')
  const output = payloadOf(capture['endpointOutput'])
  const session = sessionOf(body)
  writeBodyRow(context, timeUs, bodyFacts(endpointOfBody(body), body), {
    ...usageOf(output?.['usage']),
    finishReason: output === null ? null : finishOf(output),
    outcome: output === null ? 'unobserved_end' : 'ok',
    ...(session === null ? {} : { session: context.label('session', session) }),
  })
  context.header.originWallUs = context.sink.originUs
}

/** Data is JSON text, or the same in base64. */
function payloadOf(part: unknown): JsonRecord | null {
  if (!isRecord(part) || typeof part['data'] !== 'string') return null
  const isPacked = part['encoding'] === 'BASE64'
  const text = isPacked ? Buffer.from(part['data'], 'base64').toString() : part['data']
  try {
    const value = parseJson(text)
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}
