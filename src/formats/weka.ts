/** WEKA kv-cache-tester: one Claude Code conversation a file, sub-agents nested. Pure. */
import {
  asCount,
  asList,
  asRecord,
  isRecord,
  optionalNumber,
  optionalId,
  optionalText,
  secondsUs,
  type JsonRecord,
} from './fields.ts'
import { canonicalJson } from '../trace/canonical.ts'
import { hasKeys, showsKey } from './head.ts'
import {
  jsonLines,
  type DocumentImporter,
  type ImportContext,
  type LineImporter,
} from './importer.ts'
import { addChain, blockIds } from './block-ids.ts'
import { RowFault } from './row-fault.ts'

const BLOCK_TOKENS = 64

export const weka: DocumentImporter = {
  name: 'weka',
  title: 'WEKA kv-cache-tester JSON, a file or a folder',
  unit: 'document',
  blockTokens: BLOCK_TOKENS,
  recognises: (head) =>
    head.line.startsWith('{') &&
    showsKey(head, 'hash_id_scope') &&
    showsKey(head, 'requests') &&
    !isManyLines(head.text),
  read: (document, context) => readConversation(asRecord(document, 'the file'), context),
}

/** The same objects, one a line, as they are republished. */
export const wekaLines: LineImporter = {
  name: 'weka-lines',
  title: 'WEKA conversations, one a line',
  unit: 'line',
  blockTokens: BLOCK_TOKENS,
  recognises: (head) =>
    showsKey(head, 'hash_id_scope') && hasKeys(head.record, 'requests', 'hash_id_scope'),
  begin: (context) => jsonLines((record) => readConversation(record, context)),
}

function isManyLines(text: string): boolean {
  return /\}\r?\n\s*\{"/.test(text)
}

type Place = Readonly<{
  session: string
  startUs: number
  blockTokens: number
  /** The row that started this one; a sub-agent's first request depends on it. */
  parentSeq: number | null
}>

function readConversation(document: JsonRecord, context: ImportContext): void {
  const requests = asList(document['requests'], 'requests')
  const id = optionalId(document['id']) ?? String(context.sink.rowCount)
  const blockTokens = asCount(document['block_size'] ?? BLOCK_TOKENS, 'block_size')
  if (document['hash_id_scope'] === 'local') context.blocks.startNamespace()
  context.note('the format has no arrivals of conversations: each starts at 0')
  const session = context.label('session', id)
  readRequests(requests, { session, startUs: 0, blockTokens, parentSeq: null }, context)
}

function readRequests(requests: readonly unknown[], place: Place, context: ImportContext): void {
  let previous: Readonly<{ seq: number; endUs: number }> | null = null
  let turn = 0
  let agents = 0
  for (const item of requests) {
    try {
      const record = asRecord(item, 'a request')
      if (record['type'] === 'subagent') {
        agents += 1
        readAgent(
          record,
          { ...place, parentSeq: previous?.seq ?? place.parentSeq },
          agents,
          context,
        )
        continue
      }
      previous = readRequest(record, place, turn, previous, context)
      turn += 1
    } catch (error) {
      if (!(error instanceof RowFault)) throw error
      context.fault(error.message)
    }
  }
}

/** Times inside an agent count from its marker, or, in some republications, from the conversation. */
function readAgent(record: JsonRecord, place: Place, number: number, context: ImportContext): void {
  const markerUs = secondsUs(optionalNumber(record['t'], 't')) ?? 0
  const requests = asList(record['requests'], 'requests')
  const first = requests.find((item) => isRecord(item))
  const firstUs = secondsUs(optionalNumber(first?.['t'], 't')) ?? 0
  const isAbsolute = markerUs > 0 && firstUs >= markerUs
  const session = context.label('session', `${place.session} agent ${number}`)
  const startUs = place.startUs + (isAbsolute ? 0 : markerUs)
  readRequests(requests, { ...place, session, startUs }, context)
}

function readRequest(
  record: JsonRecord,
  place: Place,
  turn: number,
  previous: Readonly<{ seq: number; endUs: number }> | null,
  context: ImportContext,
): Readonly<{ seq: number; endUs: number }> {
  const { sink } = context
  const offsetUs = secondsUs(optionalNumber(record['t'], 't'))
  if (offsetUs === null) throw new RowFault('t is missing')
  const input = asCount(record['in'], 'in')
  const output = asCount(record['out'], 'out')
  const ids = blockIds(record['hash_ids'])
  const e2eUs = secondsUs(optionalNumber(record['api_time'], 'api_time'))
  const thinkUs = secondsUs(optionalNumber(record['think_time'], 'think_time'))
  const ttftUs = secondsUs(optionalNumber(record['ttft'], 'ttft'))
  const timeUs = place.startUs + offsetUs
  const parentSeq = previous?.seq ?? place.parentSeq
  const seq = sink.begin(timeUs)
  sink.text('session', place.session)
  sink.number('turn', turn)
  sink.number('parentSeq', parentSeq)
  if (parentSeq !== null) sink.text('dependencies', dependency(parentSeq, previous, thinkUs))
  sink.text('endpoint', 'messages')
  sink.number('stream', record['type'] === 's' ? 1 : 0)
  sink.text('model', optionalText(record['model']))
  sink.number('promptTokens', input)
  sink.number('outputTokens', output)
  sink.text('tokenSource', 'server')
  sink.text('finishReason', optionalText(record['stop']))
  sink.text('outcome', output === 0 ? 'http_error' : 'ok')
  sink.number('e2eUs', e2eUs)
  sink.number('ttftUs', ttftUs)
  addChain(context, ids, input, place.blockTokens)
  return { seq, endUs: timeUs + (e2eUs ?? 0) }
}

function dependency(seq: number, previous: object | null, thinkUs: number | null): string {
  const isSequence = previous !== null
  return canonicalJson([
    {
      seq,
      trigger: isSequence ? 'end' : 'dispatch',
      relation: isSequence ? 'sequence' : 'spawn',
      delayUs: thinkUs ?? 0,
    },
  ])
}
