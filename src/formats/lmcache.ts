/** LMCache agent traces: one call a line, with its text, which is measured and dropped. Pure. */
import { asCount, optionalId, type JsonRecord } from './fields.ts'
import { hasKeys } from './head.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { hashingOf } from './block-ids.ts'
import { RowFault } from './row-fault.ts'
import { parseUnitUs } from './source-time.ts'

type Session = { seq: number; turn: number }

export const lmcache: LineImporter = {
  name: 'lmcache',
  title: 'LMCache agent trace JSONL, a file or a folder',
  unit: 'line',
  recognises: ({ record }) => hasKeys(record, 'timestamp', 'input', 'output', 'session_id'),
  begin(context) {
    const sessions = new Map<string, Session>()
    return jsonLines((record) => lmcacheRow(record, sessions, context))
  },
}

function lmcacheRow(
  record: JsonRecord,
  sessions: Map<string, Session>,
  context: ImportContext,
): void {
  const { sink } = context
  const timeUs = parseUnitUs(record['timestamp'], context.unit('us'))
  if (Number.isNaN(timeUs)) throw new RowFault('timestamp is not a number')
  const input = textBytes(record['input'], 'input')
  const output = textBytes(record['output'], 'output')
  const inputTokens = asCount(context.text.estimate(input.length), 'input')
  const outputTokens = context.text.estimate(output.length)
  const id = optionalId(record['session_id'])
  const before = id === null ? undefined : sessions.get(id)
  context.header.hashing = hashingOf(null)
  context.note('the format has text and no counts: tokens are estimated from bytes')
  context.note('an empty output is a tool call whose text was not kept; it counts one token')
  const seq = sink.begin(timeUs)
  context.header.originWallUs = sink.originUs
  sink.text('endpoint', 'chat')
  sink.number('promptTokens', inputTokens)
  sink.number('outputTokens', Math.max(1, outputTokens))
  sink.text('tokenSource', 'estimate')
  sink.text('outcome', 'ok')
  sink.number('requestBytes', input.length)
  context.text.add(input, inputTokens)
  if (id === null) return
  const turn = before === undefined ? 0 : before.turn + 1
  sink.text('session', context.label('session', id))
  sink.number('turn', turn)
  sink.number('parentSeq', before?.seq ?? null)
  sessions.set(id, { seq, turn })
}

function textBytes(value: unknown, name: string): Buffer {
  if (typeof value !== 'string') throw new RowFault(`${name} is no text`)
  return Buffer.from(value)
}
