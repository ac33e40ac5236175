/** Mooncake's JSONL, and what other tools made of it (vLLM timed_trace, AIPerf, AISBench). Pure. */
import type { SourceId } from './block-trie.ts'
import {
  asCount,
  asList,
  optionalCount,
  optionalNumber,
  optionalText,
  type JsonRecord,
} from './fields.ts'
import { hasKeys } from './head.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { RowFault } from './row-fault.ts'
import { parseUnitUs } from './source-time.ts'

const BLOCK_TOKENS = 512

export const mooncake: LineImporter = {
  name: 'mooncake',
  title: 'Mooncake JSONL, also as written for vLLM timed_trace, AIPerf and GuideLLM',
  unit: 'line',
  blockTokens: BLOCK_TOKENS,
  recognises: ({ record }) =>
    (hasKeys(record, 'timestamp') || hasKeys(record, 'created_time')) &&
    (hasKeys(record, 'input_length') || hasKeys(record, 'input_tokens')) &&
    !hasKeys(record, 'chat_id'),
  begin: (context) => jsonLines((record) => mooncakeRow(record, context)),
}

function mooncakeRow(record: JsonRecord, context: ImportContext): void {
  const { sink } = context
  const timeUs = parseUnitUs(record['timestamp'] ?? record['created_time'], context.unit('ms'))
  if (Number.isNaN(timeUs)) throw new RowFault('timestamp is not a number')
  const input = asCount(record['input_length'] ?? record['input_tokens'], 'input_length')
  const output = asCount(record['output_length'] ?? record['output_tokens'], 'output_length')
  const ids = blockIds(record['hash_ids'])
  const session = optionalText(record['session_id'])
  const priority = optionalNumber(record['priority'], 'priority')
  sink.begin(timeUs)
  sink.number('promptTokens', input)
  sink.number('outputTokens', output)
  sink.text('tokenSource', 'server')
  if (output === 0) sink.text('outcome', 'http_error')
  if (session !== null) sink.text('session', context.label('session', session))
  sink.text('model', optionalText(record['model']))
  sink.number('priority', priority === null ? null : Math.round(priority))
  addChain(context, ids, input, optionalCount(record['block_size'], 'block_size') ?? BLOCK_TOKENS)
}

/** Ids as a format gives them: numbers, 64-bit numbers or text; no list is an empty one. */
export function blockIds(value: unknown): SourceId[] {
  if (value === undefined || value === null) return []
  return asList(value, 'hash_ids').map((id) => {
    if (typeof id === 'number' || typeof id === 'bigint') return id
    if (typeof id === 'string' && id !== '' && id.length <= 128) return id
    throw new RowFault('hash_ids holds something that is no id')
  })
}

/** Writes the row's prefix: full blocks, and a last one that holds what is left of the prompt. */
export function addChain(
  { sink, blocks, header }: ImportContext,
  ids: readonly SourceId[],
  promptTokens: number,
  blockTokens: number,
): void {
  if (ids.length === 0) return
  header.hashing = hashingOf(blockTokens)
  const chain = blocks.extend(ids, (index) =>
    Math.max(0, Math.min(blockTokens, promptTokens - index * blockTokens)),
  )
  sink.id('prefixLeaf', chain.leaf)
  sink.number('prefixBlocks', chain.count)
}

export function hashingOf(blockTokens: number | null): {
  scheme: string
  blockBytes: null
  blockTokens: number | null
  keyId: null
} {
  return { scheme: 'imported', blockBytes: null, blockTokens, keyId: null }
}
