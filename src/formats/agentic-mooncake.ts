/** Dynamo's agentic Mooncake, version 2: a header line, then requests with their dependencies. Pure. */
import { TraceError } from '../base/errors.ts'
import {
  asCount,
  asList,
  asRecord,
  millisUs,
  optionalNumber,
  optionalId,
  optionalText,
  type JsonRecord,
} from './fields.ts'
import { writeGraph, type GraphDependency, type GraphRow } from './graph-rows.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { blockIds, hashingOf } from './block-ids.ts'
import { RowFault } from './row-fault.ts'

export const AGENTIC_SCHEMA = 'dynamo.agentic_mooncake'
export const AGENTIC_VERSION = 2

export const agenticMooncake: LineImporter = {
  name: 'agentic-mooncake',
  title: 'Dynamo agentic Mooncake v2',
  unit: 'line',
  recognises: ({ record }) => record?.['schema'] === AGENTIC_SCHEMA,
  begin(context) {
    let blockTokens: number | null = null
    const rows: GraphRow[] = []
    const turns = new Map<string, number>()
    return jsonLines(
      (record) => {
        if (blockTokens === null) blockTokens = headerOf(record)
        else rows.push(agenticRow(record, blockTokens, turns, context))
      },
      () => writeGraph(rows, context),
    )
  },
}

function headerOf(record: JsonRecord): number {
  const version = Number(record['version'])
  if (version !== AGENTIC_VERSION) {
    const message = `agentic Mooncake version ${version}; version 2 is read here`
    throw new TraceError('FORMAT_UNKNOWN', message)
  }
  return asCount(record['block_size'], 'block_size')
}

function agenticRow(
  record: JsonRecord,
  blockTokens: number,
  turns: Map<string, number>,
  context: ImportContext,
): GraphRow {
  const id = optionalId(record['request_id'])
  if (id === null) throw new RowFault('request_id is missing')
  const input = asCount(record['input_length'], 'input_length')
  const output = asCount(record['output_length'], 'output_length')
  const startUs = millisUs(optionalNumber(record['not_before_ms'], 'not_before_ms')) ?? 0
  const dependencies = asList(record['dependencies'] ?? [], 'dependencies').map(dependencyOf)
  const chain = context.blocks.extend(blockIds(record['hash_ids']), (index) =>
    Math.max(0, Math.min(blockTokens, input - index * blockTokens)),
  )
  const priority = optionalNumber(record['priority'], 'priority')
  const session = optionalId(record['session_id'])
  const turn = session === null ? 0 : (turns.get(session) ?? 0)
  if (session !== null) turns.set(session, turn + 1)
  context.header.hashing = hashingOf(blockTokens)
  return {
    id,
    startUs,
    dependencies,
    cells: {
      endpoint: 'chat',
      model: optionalText(record['model']),
      promptTokens: input,
      outputTokens: output,
      tokenSource: 'server',
      priority,
      prefixLeaf: chain.leaf,
      prefixBlocks: chain.count,
      ...(session === null ? {} : { session: context.label('session', session), turn }),
      ...(output === 0 ? { outcome: 'http_error' } : {}),
    },
  }
}

function dependencyOf(item: unknown): GraphDependency {
  const record = asRecord(item, 'a dependency')
  const id = optionalId(record['request_id'])
  if (id === null) throw new RowFault('a dependency names no request')
  return {
    id,
    trigger: record['trigger'] === 'dispatch' ? 'dispatch' : 'end',
    relation: optionalText(record['relation']) ?? 'sequence',
    delayUs: millisUs(optionalNumber(record['delay_ms'], 'delay_ms')) ?? 0,
  }
}
