/** Alibaba Bailian (Qwen) JSONL: chats linked by parent, 16-token blocks. Pure. */
import { asCount, optionalText, type JsonRecord } from './fields.ts'
import { hasKeys } from './head.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { addChain, blockIds } from './block-ids.ts'
import { RowFault } from './row-fault.ts'
import { parseUnitUs } from './source-time.ts'

const BLOCK_TOKENS = 16

type Turn = Readonly<{ seq: number; session: string; turn: number }>

export const bailian: LineImporter = {
  name: 'bailian',
  title: 'Alibaba Bailian (Qwen) JSONL',
  unit: 'line',
  blockTokens: BLOCK_TOKENS,
  recognises: ({ record }) => hasKeys(record, 'chat_id', 'parent_chat_id', 'input_length'),
  begin(context) {
    const turns = new Map<string, Turn>()
    return jsonLines((record) => bailianRow(record, context, turns))
  },
}

function bailianRow(record: JsonRecord, context: ImportContext, turns: Map<string, Turn>): void {
  const { sink } = context
  const timeUs = parseUnitUs(record['timestamp'], context.unit('s'))
  if (Number.isNaN(timeUs)) throw new RowFault('timestamp is not a number')
  const input = asCount(record['input_length'], 'input_length')
  const output = asCount(record['output_length'], 'output_length')
  const ids = blockIds(record['hash_ids'])
  const chatId = chatName(record['chat_id'])
  if (chatId === null) throw new RowFault('chat_id is missing')
  const parentId = chatName(record['parent_chat_id'])
  const parent = parentId === null ? undefined : turns.get(parentId)
  if (parentId !== null && parent === undefined) {
    context.note('some parents are not in the file (it is a sample); their children open sessions')
  }
  const session = parent?.session ?? context.label('session', chatId)
  const turn = parent === undefined ? 0 : parent.turn + 1
  const seq = sink.begin(timeUs)
  turns.set(chatId, { seq, session, turn })
  sink.text('session', session)
  sink.number('turn', turn)
  sink.number('parentSeq', parent?.seq ?? null)
  sink.number('promptTokens', input)
  sink.number('outputTokens', output)
  sink.text('tokenSource', 'server')
  sink.text('label', optionalText(record['type']))
  if (output === 0) sink.text('outcome', 'http_error')
  addChain(context, ids, input, BLOCK_TOKENS)
}

/** -1 and null stand for no parent; some writers use text. */
function chatName(value: unknown): string | null {
  if (value === undefined || value === null || value === -1 || value === '-1') return null
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') {
    return String(value)
  }
  throw new RowFault('chat_id is no id')
}
