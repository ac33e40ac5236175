/** TraceLab: rounds of coding agents, timed by their events. Pure. */
import {
  asCount,
  asList,
  isRecord,
  optionalCount,
  optionalId,
  optionalText,
  type JsonRecord,
} from './fields.ts'
import { hasKeys } from './head.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { hashingOf } from './block-ids.ts'
import { RowFault } from './row-fault.ts'
import { SESSION_BLOCK_TOKENS, SessionChain } from './session-chain.ts'
import { sequenceAfter } from './session-csv.ts'
import { parseIsoUs } from './source-time.ts'

type Session = { seq: number; turn: number; endUs: number; chain: SessionChain }

/** Events that come before the request is sent; all later ones are parts of the answer. */
const INPUTS = new Set(['user_message', 'tool_result'])
const REPORTS = new Set(['usage_report'])

export const tracelab: LineImporter = {
  name: 'tracelab',
  title: 'TraceLab rounds JSONL',
  unit: 'line',
  recognises: ({ record }) => hasKeys(record, 'session_id', 'prefix_tokens', 'timing_events'),
  begin(context) {
    const sessions = new Map<string, Session>()
    return jsonLines((record) => tracelabRow(record, sessions, context))
  },
}

function tracelabRow(
  record: JsonRecord,
  sessions: Map<string, Session>,
  context: ImportContext,
): void {
  const { sink } = context
  const id = optionalId(record['session_id'])
  if (id === null) throw new RowFault('session_id is missing')
  const kept = asCount(record['prefix_tokens'], 'prefix_tokens')
  const added = asCount(record['newly_append_tokens'], 'newly_append_tokens')
  const output = asCount(record['output_tokens'], 'output_tokens')
  const reasoning = optionalCount(record['reasoning_output_tokens'], 'reasoning_output_tokens')
  const { sentUs, firstUs, endUs } = timesOf(asList(record['timing_events'], 'timing_events'))
  const before = sessions.get(id)
  const chain = before?.chain ?? new SessionChain(context.blocks)
  const turn = before === undefined ? 0 : before.turn + 1
  const prompt = chain.turn(kept, kept + added, output)
  const seq = sink.begin(sentUs)
  context.header.hashing = hashingOf(SESSION_BLOCK_TOKENS)
  context.header.originWallUs = sink.originUs
  context.note('cached tokens are what the provider reported, not block ids')
  sink.text('session', context.label('session', id))
  sink.number('turn', turn)
  sink.text('endpoint', 'messages')
  sink.text('model', optionalText(record['model']))
  sink.number('promptTokens', kept + added)
  sink.number('cachedTokens', kept)
  sink.number('outputTokens', output)
  sink.number('reasoningTokens', reasoning)
  sink.text('tokenSource', 'server')
  sink.text('outcome', output === 0 ? 'http_error' : 'ok')
  if (firstUs !== null) sink.number('stream', 1)
  sink.number('ttftUs', firstUs === null ? null : firstUs - sentUs)
  sink.number('e2eUs', endUs === null ? null : endUs - sentUs)
  sink.id('prefixLeaf', prompt.leaf)
  sink.number('prefixBlocks', prompt.count)
  sink.id('answerLeaf', prompt.answerLeaf)
  if (before !== undefined) {
    sink.number('parentSeq', before.seq)
    sink.text('dependencies', sequenceAfter(before.seq, sentUs - before.endUs))
  }
  sessions.set(id, { seq, turn, endUs: endUs ?? sentUs, chain })
}

type RoundTimes = Readonly<{ sentUs: number; firstUs: number | null; endUs: number | null }>

/** Sent with the last of its inputs; answered by the events after that. */
function timesOf(events: readonly unknown[]): RoundTimes {
  let sentUs = Number.NaN
  let firstUs: number | null = null
  let endUs: number | null = null
  for (const event of events) {
    if (!isRecord(event) || REPORTS.has(String(event['event_type']))) continue
    const us = parseIsoUs(String(event['timestamp']))
    if (Number.isNaN(us)) throw new RowFault('an event has no time')
    if (INPUTS.has(String(event['event_type'])) || Number.isNaN(sentUs)) {
      if (firstUs === null) sentUs = us
    } else {
      firstUs ??= us
      endUs = us
    }
  }
  if (Number.isNaN(sentUs)) throw new RowFault('the round has no events')
  return { sentUs, firstUs, endUs }
}
