/** HAR: what a browser or a proxy wrote down; only requests to a model are taken. Pure. */
import { endpointOf } from '../stream/request-facts.ts'
import type { RequestRow } from '../trace/columns.ts'
import { bodyFacts, finishOf, usageOf, writeBodyRow } from './body-row.ts'
import { asList, asRecord, isRecord, optionalNumber, type JsonRecord } from './fields.ts'
import { showsKey } from './head.ts'
import type { DocumentImporter, ImportContext } from './importer.ts'
import { parseJson } from './json-text.ts'
import { RowFault } from './row-fault.ts'
import { parseIsoUs } from './source-time.ts'
import { sessionOf } from './trafficlens.ts'

export const har: DocumentImporter = {
  name: 'har',
  title: 'HAR 1.2',
  unit: 'document',
  recognises: (head) => /^\s*\{\s*"log"\s*:\s*\{/.test(head.text) && showsKey(head, 'creator'),
  read(document, context) {
    const log = asRecord(asRecord(document, 'the file')['log'], 'log')
    let otherCount = 0
    for (const item of asList(log['entries'], 'entries')) {
      try {
        if (!harRow(asRecord(item, 'an entry'), context)) otherCount += 1
      } catch (error) {
        if (!(error instanceof RowFault)) throw error
        context.fault(error.message)
      }
    }
    if (otherCount > 0) context.note(`entries that are no requests to a model: ${otherCount}`)
    context.header.originWallUs = context.sink.originUs
  },
}

/** @returns false for a request that is not to a model */
function harRow(entry: JsonRecord, context: ImportContext): boolean {
  const request = asRecord(entry['request'], 'request')
  const url = URL.parse(String(request['url']))
  const endpoint = endpointOf(String(request['method']), url?.pathname ?? '')
  if (endpoint === null) return false
  const timeUs = parseIsoUs(String(entry['startedDateTime']))
  if (Number.isNaN(timeUs)) throw new RowFault('startedDateTime is not a time')
  const body = bodyOf(request['postData'])
  if (body === null) throw new RowFault('postData is no JSON body')
  const response = isRecord(entry['response']) ? entry['response'] : {}
  const answer = answerOf(response['content'])
  const status = optionalNumber(response['status'], 'status') ?? 0
  const session = sessionOf(body)
  writeBodyRow(context, timeUs, bodyFacts(endpoint, body), {
    ...usageOf(answer['usage']),
    status: status > 0 ? status : null,
    outcome: outcomeOf(status),
    finishReason: finishOf(answer),
    ...timesOf(entry['timings']),
    responseBytes: sizeOf(response['content']),
    ...(session === null ? {} : { session: context.label('session', session) }),
  })
  return true
}

/** The wait ends with the head of the answer, which is not its first token. */
function timesOf(value: unknown): Partial<RequestRow> {
  const timings = isRecord(value) ? value : {}
  const us = (name: string) => {
    const millis = optionalNumber(timings[name], name)
    return millis === null || millis < 0 ? null : Math.round(millis * 1_000)
  }
  const [waitUs, receiveUs] = [us('wait'), us('receive')]
  return {
    connectUs: us('connect'),
    uploadUs: us('send'),
    headersUs: waitUs,
    e2eUs: waitUs === null || receiveUs === null ? null : waitUs + receiveUs,
  }
}

function sizeOf(content: unknown): number | null {
  const size = isRecord(content) ? optionalNumber(content['size'], 'size') : null
  return size !== null && size >= 0 ? Math.round(size) : null
}

function outcomeOf(status: number): string {
  if (status === 0) return 'client_abort'
  return status >= 400 ? 'http_error' : 'ok'
}

function bodyOf(postData: unknown): JsonRecord | null {
  if (!isRecord(postData) || typeof postData['text'] !== 'string') return null
  const value = parseJson(postData['text'])
  return isRecord(value) ? value : null
}

/** A stream's usage and finish stand in its last events; a plain answer is one object with both. */
function answerOf(content: unknown): JsonRecord {
  if (!isRecord(content) || typeof content['text'] !== 'string') return {}
  const isPacked = content['encoding'] === 'base64'
  const text = isPacked ? Buffer.from(content['text'], 'base64').toString() : content['text']
  const events = [...text.matchAll(/^data: *(\{.*\})\r?$/gm)].map(([, json = '']) => json)
  const candidates = events.length === 0 ? [text] : events.slice(-LAST_EVENTS).toReversed()
  const values = candidates.map(jsonOf).filter((value) => value !== null)
  const usage = values.find((value) => isRecord(value['usage']))?.['usage']
  const finish = values.find((value) => finishOf(value) !== null) ?? {}
  return { ...finish, usage }
}

/** Both stand within so many events of the end. */
const LAST_EVENTS = 16

function jsonOf(text: string): JsonRecord | null {
  try {
    const value = parseJson(text)
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}
