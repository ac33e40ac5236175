/** A trace → Bailian JSONL: whole numbers for chats, −1 for no parent. Pure, but for the output. */
import type { RequestColumn } from '../trace/columns.ts'
import { Chains } from './chains.ts'
import type { Exporter } from './exporter.ts'
import { RowWriter } from './row-writer.ts'
import { sizedRows } from './row-view.ts'

const BLOCK_TOKENS = 16

const COLUMNS = [
  'seq',
  'atUs',
  'session',
  'turn',
  'parentSeq',
  'promptTokens',
  'outputTokens',
  'label',
  'prefixLeaf',
] as const satisfies readonly RequestColumn[]

export const bailianWriter: Exporter = {
  name: 'bailian',
  title: 'Bailian JSONL',
  ending: null,
  holds: COLUMNS,
  async write(reader, output) {
    const chains = await Chains.load(reader)
    const rows = new RowWriter(output)
    /** The chat that a session's next turn follows, where the trace does not say. */
    const latest = new Map<string, Readonly<{ seq: number; turn: number }>>()
    for await (const row of sizedRows(reader, COLUMNS, BLOCK_TOKENS, rows.skip)) {
      const { seq, session, promptTokens, outputTokens } = row
      const before = session === null ? undefined : latest.get(session)
      const parent = row.parentSeq ?? before?.seq ?? -1
      const turn = row.turn ?? (before === undefined ? 0 : before.turn + 1)
      if (session !== null) latest.set(session, { seq, turn })
      const leaf = row.prefixLeaf ?? 0n
      await rows.line(
        JSON.stringify({
          chat_id: seq,
          parent_chat_id: parent,
          timestamp: row.atUs / 1_000_000,
          input_length: promptTokens,
          output_length: outputTokens,
          type: row.label ?? '',
          turn: turn + 1,
          hash_ids: leaf === 0n ? [] : chains.cut(leaf, promptTokens, BLOCK_TOKENS),
        }),
      )
    }
    return rows.end([`prefixes are cut anew into blocks of ${BLOCK_TOKENS} tokens`])
  },
}
