/** SATF 2.0.0: one JSON object of sessions, each a graph of model and tool calls. Pure. */
import type { RequestRow } from '../trace/columns.ts'
import {
  asCount,
  asList,
  asRecord,
  firstToken,
  isRecord,
  optionalNumber,
  optionalId,
  optionalText,
  type JsonRecord,
} from './fields.ts'
import { writeGraph, type GraphDependency, type GraphRow } from './graph-rows.ts'
import type { DocumentImporter, ImportContext } from './importer.ts'
import { blockIds, hashingOf } from './block-ids.ts'
import { RowFault } from './row-fault.ts'

export const SATF_VERSION = '2.0.0'

export const satf: DocumentImporter = {
  name: 'satf',
  title: 'SATF 2.0.0',
  unit: 'document',
  recognises: ({ text }) => /"format"\s*:\s*"satf"/.test(text),
  read(document, context) {
    const file = asRecord(document, 'the file')
    if (file['format_version'] !== SATF_VERSION)
      throw new RowFault(`it is not SATF ${SATF_VERSION}`)
    const blockTokens = asCount(file['block_size_tokens'], 'block_size_tokens')
    context.header.hashing = hashingOf(blockTokens)
    const rows = asList(file['sessions'], 'sessions').flatMap((session, number) =>
      sessionRows(asRecord(session, 'a session'), number, blockTokens, context),
    )
    writeGraph(rows, context)
    const extensions = asMaybe(asMaybe(file['extensions'])['nvidia.dynamo'])
    const start = optionalNumber(extensions['artifact_start_unix_us'], 'artifact_start_unix_us')
    if (start !== null) context.header.originWallUs = start + (context.sink.originUs ?? 0)
  },
}

function asMaybe(value: unknown): JsonRecord {
  return isRecord(value) ? value : {}
}

type Node = Readonly<{
  id: string
  isCall: boolean
  durationUs: number
  leastUs: number
  record: JsonRecord
}>

type Edge = Readonly<{ from: string; delayUs: number }>

function sessionRows(
  session: JsonRecord,
  number: number,
  blockTokens: number,
  context: ImportContext,
): GraphRow[] {
  const nodes = new Map(
    asList(session['nodes'], 'nodes').map((item) => {
      const node = nodeOf(asRecord(item, 'a node'))
      return [node.id, node]
    }),
  )
  const edges = edgesOf(asList(session['edges'] ?? [], 'edges'))
  const starts = startsOf(nodes, edges)
  const name = optionalId(session['session_id']) ?? String(number)
  const label = context.label('session', name)
  const calls = [...nodes.values()].filter(({ isCall }) => isCall)
  return calls
    .toSorted((a, b) => (starts.get(a.id) ?? 0) - (starts.get(b.id) ?? 0))
    .map((node, turn) => ({
      id: `${name}/${node.id}`,
      startUs: starts.get(node.id) ?? 0,
      cells: { ...cellsOf(node, blockTokens, context), session: label, turn },
      dependencies: callsBefore(node.id, nodes, edges).map((dependency) => ({
        ...dependency,
        id: `${name}/${dependency.id}`,
      })),
    }))
}

function nodeOf(record: JsonRecord): Node {
  const id = optionalId(record['id'])
  if (id === null) throw new RowFault('a node has no id')
  const us = (name: string) => Math.round(optionalNumber(record[name], name) ?? 0)
  const isCall = record['kind'] === 'llm_infer'
  const [durationUs, leastUs] = [us('duration_us'), us('min_start_delay_us')]
  return { id, isCall, durationUs, leastUs, record }
}

function edgesOf(list: readonly unknown[]): Map<string, Edge[]> {
  const edges = new Map<string, Edge[]>()
  for (const item of list) {
    const edge = asRecord(item, 'an edge')
    const { from: fromId, to: toId } = edge
    const [from, to] = [optionalId(fromId), optionalId(toId)]
    if (from === null || to === null) throw new RowFault('an edge lacks an end')
    const name = 'delay_after_predecessor_us'
    const delayUs = Math.round(optionalNumber(edge[name], name) ?? 0)
    const known = edges.get(to) ?? []
    known.push({ from, delayUs })
    edges.set(to, known)
  }
  return edges
}

/** When each node can start: after all it waits for. A cycle is a fault. */
function startsOf(nodes: Map<string, Node>, edges: Map<string, Edge[]>): Map<string, number> {
  const starts = new Map<string, number>()
  const open = new Set<string>()
  const stack = [...nodes.keys()].toReversed()
  while (stack.length > 0) {
    const id = stack[stack.length - 1] ?? ''
    const before = (edges.get(id) ?? []).filter(({ from }) => nodes.has(from))
    const unknown = before.filter(({ from }) => !starts.has(from))
    if (starts.has(id) || unknown.length === 0) {
      const ends = before.map(
        ({ from, delayUs }) =>
          (starts.get(from) ?? 0) + (nodes.get(from)?.durationUs ?? 0) + delayUs,
      )
      starts.set(id, Math.max(nodes.get(id)?.leastUs ?? 0, ...ends))
      open.delete(id)
      stack.pop()
      continue
    }
    if (open.has(id)) throw new RowFault('the graph has a cycle')
    open.add(id)
    stack.push(...unknown.map(({ from }) => from))
  }
  return starts
}

/** Paths that are walked back from one call. */
const MAX_STEPS = 10_000

/** Model calls that this one waits for, tool calls between them folded into the delay. */
function callsBefore(
  id: string,
  nodes: Map<string, Node>,
  edges: Map<string, Edge[]>,
): GraphDependency[] {
  const found = new Map<string, GraphDependency>()
  const visited = new Set<string>()
  let steps = 0
  const stack = (edges.get(id) ?? []).map((edge) => ({ ...edge }))
  for (let edge = stack.pop(); edge !== undefined; edge = stack.pop()) {
    const node = nodes.get(edge.from)
    const key = `${edge.from}/${edge.delayUs}`
    steps += 1
    if (steps > MAX_STEPS) throw new RowFault('too many tool calls between two model calls')
    if (node === undefined || visited.has(key)) continue
    visited.add(key)
    const { delayUs } = edge
    if (node.isCall) {
      const known = found.get(node.id)
      if (known === undefined || known.delayUs < delayUs) {
        found.set(node.id, { id: node.id, trigger: 'end', relation: 'sequence', delayUs })
      }
      continue
    }
    for (const before of edges.get(node.id) ?? []) {
      stack.push({ from: before.from, delayUs: delayUs + node.durationUs + before.delayUs })
    }
  }
  const dependencies = [...found.values()]
  return dependencies.length > 1
    ? dependencies.map((dependency) => ({ ...dependency, relation: 'join' }))
    : dependencies
}

function cellsOf(node: Node, blockTokens: number, context: ImportContext): Partial<RequestRow> {
  const payload = asRecord(node.record['payload'], 'payload')
  const metrics = asMaybe(node.record['performance_metrics'])
  const us = (name: string) => {
    const value = optionalNumber(metrics[name], name)
    return value === null ? null : Math.round(value)
  }
  const input = asCount(payload['input_tokens_total'], 'input_tokens_total')
  const output = asCount(payload['output_tokens'], 'output_tokens')
  const chain = context.blocks.extend(blockIds(payload['kv_block_ids']), (index) =>
    Math.max(0, Math.min(blockTokens, input - index * blockTokens)),
  )
  return {
    endpoint: 'chat',
    model: optionalText(asMaybe(payload['request_parameters'])['model']),
    promptTokens: input,
    outputTokens: output,
    tokenSource: 'server',
    outcome: output === 0 ? 'http_error' : 'ok',
    ...firstToken(us('time_to_first_token_us')),
    serverQueueUs: us('queue_delay_us'),
    e2eUs: node.durationUs > 0 ? node.durationUs : null,
    prefixLeaf: chain.leaf,
    prefixBlocks: chain.count,
  }
}
