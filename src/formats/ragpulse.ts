/** RAGPulse JSONL: a week of retrieval-augmented questions; ids of prompt components. Pure. */
import { asCount, asRecord, optionalText, type JsonRecord } from './fields.ts'
import { isRecord } from './fields.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { blockIds, hashingOf } from './mooncake.ts'
import { RowFault } from './row-fault.ts'
import { parseUnitUs } from './source-time.ts'

/** The order in which the service puts them into the prompt. */
const COMPONENTS = ['sys_prompt', 'passages_ids', 'history', 'web_search', 'user_input'] as const

export const ragpulse: LineImporter = {
  name: 'ragpulse',
  title: 'RAGPulse JSONL',
  unit: 'line',
  recognises: ({ record }) => {
    const ids = record?.['hash_ids']
    return isRecord(ids) && COMPONENTS.every((name) => name in ids)
  },
  begin: (context) => jsonLines((record) => ragpulseRow(record, context)),
}

function ragpulseRow(record: JsonRecord, context: ImportContext): void {
  const { sink, blocks, header } = context
  const timeUs = parseUnitUs(record['timestamp'], context.unit('s'))
  if (Number.isNaN(timeUs)) throw new RowFault('timestamp is not a number')
  const input = asCount(record['input_length'], 'input_length')
  const output = asCount(record['output_length'], 'output_length')
  const parts = asRecord(record['hash_ids'], 'hash_ids')
  const ids = COMPONENTS.flatMap((name) => blockIds(parts[name]))
  const session = optionalText(record['session_id'])
  sink.begin(timeUs)
  sink.number('promptTokens', input)
  sink.number('outputTokens', output)
  sink.text('tokenSource', 'server')
  if (output === 0) sink.text('outcome', 'http_error')
  if (session !== null) sink.text('session', context.label('session', session))
  if (ids.length === 0) return
  header.hashing = hashingOf(null)
  context.note(
    'component ids are chained here in prompt order; lengths of components are even shares',
  )
  // The lengths stand in side tables that the trace file does not carry.
  const tokens = Math.floor(input / ids.length)
  const chain = blocks.extend(ids, () => tokens)
  sink.id('prefixLeaf', chain.leaf)
  sink.number('prefixBlocks', chain.count)
}
