/** session-execution-v2, session-rounds-v2 and TraceLab's replay CSV: turns with kept and new tokens. Pure. */
import { canonicalJson } from '../trace/canonical.ts'
import { asCount, millisUs, optionalNumber } from './fields.ts'
import { hasColumns } from './head.ts'
import type { ImportContext, LineImporter } from './importer.ts'
import { hashingOf } from './block-ids.ts'
import { RowFault } from './row-fault.ts'
import { SESSION_BLOCK_TOKENS, SessionChain } from './session-chain.ts'
import { csvReader, type CsvField } from './csv-table.ts'
import { parseUnitUs } from './source-time.ts'

type Session = {
  seq: number
  round: number
  turn: number
  dueUs: number
  chain: SessionChain
  waitUs: number
}

export const sessionCsv: LineImporter = {
  name: 'session-csv',
  title: 'session-execution-v2, session-rounds-v2 and TraceLab replay CSV',
  unit: 'line',
  recognises: (head) =>
    hasColumns(head, 'session_id', 'round_idx', 'prefix_len', 'input_len', 'output_len'),
  begin(context, head) {
    const sessions = new Map<string, Session>()
    return csvReader(
      head,
      (field) => sessionRow(field, sessions, context),
      () =>
        context.note('later turns are placed after the tool waits alone: service time is not told'),
    )
  },
}

/** Here input_len is what a turn appends; the prompt is prefix_len and that. */
function sessionRow(field: CsvField, sessions: Map<string, Session>, context: ImportContext): void {
  const { sink } = context
  const id = field('session_id') ?? ''
  if (id === '') throw new RowFault('session_id is missing')
  const kept = asCount(field('prefix_len'), 'prefix_len')
  const added = asCount(field('input_len'), 'input_len')
  const output = asCount(field('output_len'), 'output_len')
  const waitUs = millisUs(optionalNumber(field('tool_wait_after_ms'), 'tool_wait_after_ms')) ?? 0
  const arrival = field('arrival_time_ms') ?? field('arrival_time') ?? '0'
  const arrivalUs = parseUnitUs(arrival, context.unit('ms'))
  if (Number.isNaN(arrivalUs)) throw new RowFault('the arrival is not a number')
  const before = sessions.get(id)
  const round = asCount(field('round_idx'), 'round_idx')
  if (before !== undefined && round <= before.round) {
    throw new RowFault('round_idx is not above that of the row before in its session')
  }
  const turn = before === undefined ? 0 : before.turn + 1
  const chain = before?.chain ?? new SessionChain(context.blocks)
  const dueUs = before === undefined ? arrivalUs : Math.max(arrivalUs, before.dueUs + before.waitUs)
  const prompt = chain.turn(kept, kept + added, output)
  const seq = sink.begin(dueUs)
  context.header.hashing = hashingOf(SESSION_BLOCK_TOKENS)
  sink.text('session', context.label('session', id))
  sink.number('turn', turn)
  sink.number('promptTokens', kept + added)
  sink.number('outputTokens', output)
  sink.text('tokenSource', 'server')
  if (output === 0) sink.text('outcome', 'http_error')
  sink.id('prefixLeaf', prompt.leaf)
  sink.number('prefixBlocks', prompt.count)
  sink.id('answerLeaf', prompt.answerLeaf)
  if (before !== undefined) {
    sink.number('parentSeq', before.seq)
    sink.text('dependencies', sequenceAfter(before.seq, before.waitUs))
  }
  sessions.set(id, { seq, round, turn, dueUs, chain, waitUs })
}

/** The one dependency of a turn that waits for the one before. */
export function sequenceAfter(seq: number, delayUs: number): string {
  return canonicalJson([{ seq, trigger: 'end', relation: 'sequence', delayUs }])
}
