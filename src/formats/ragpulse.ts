/** RAGPulse JSONL: a week of retrieval-augmented questions; ids of prompt components. Pure. */
import type { SourceId } from './block-trie.ts'
import { asCount, asRecord, optionalId, type JsonRecord } from './fields.ts'
import { isRecord } from './fields.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { blockIds, hashingOf } from './block-ids.ts'
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
  begin(context) {
    const reuse = new ComponentReuse()
    return jsonLines(
      (record) => ragpulseRow(record, reuse, context),
      () => context.note(reuse.sentence()),
    )
  },
}

/** Prefix hits as they are published for this trace: by component, in whatever place it was seen before. */
class ComponentReuse {
  readonly #requests: { timeUs: number; ids: readonly SourceId[] }[] = []

  add(timeUs: number, ids: readonly SourceId[]): void {
    this.#requests.push({ timeUs, ids })
  }

  /** Of each request's components, in order of arrival: the leading ones that an earlier request had. */
  sentence(): string {
    const seen = new Set<SourceId>()
    let hitCount = 0
    let count = 0
    for (const { ids } of this.#requests.toSorted((a, b) => a.timeUs - b.timeUs)) {
      const firstNew = ids.findIndex((id) => !seen.has(id))
      hitCount += firstNew < 0 ? ids.length : firstNew
      count += ids.length
      for (const id of ids) seen.add(id)
    }
    const share = count === 0 ? 0 : (100 * hitCount) / count
    return (
      `leading components that any earlier request had, in whatever place: ${hitCount} of ${count} ` +
      `(${share.toFixed(4)} %); a cache needs equal prompts up to them, so chains hit less`
    )
  }
}

function ragpulseRow(record: JsonRecord, reuse: ComponentReuse, context: ImportContext): void {
  const { sink, blocks, header } = context
  const timeUs = parseUnitUs(record['timestamp'], context.unit('s'))
  if (Number.isNaN(timeUs)) throw new RowFault('timestamp is not a number')
  const input = asCount(record['input_length'], 'input_length')
  const output = asCount(record['output_length'], 'output_length')
  const parts = asRecord(record['hash_ids'], 'hash_ids')
  const ids = COMPONENTS.flatMap((name) => blockIds(parts[name]))
  const session = optionalId(record['session_id'])
  sink.begin(timeUs)
  sink.number('promptTokens', input)
  sink.number('outputTokens', output)
  sink.text('tokenSource', 'server')
  if (output === 0) sink.text('outcome', 'http_error')
  if (session !== null) sink.text('session', context.label('session', session))
  if (ids.length === 0) return
  reuse.add(timeUs, ids)
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
