/** Dynamo request traces, schema dynamo.request.trace.v1. Pure. */
import type { RequestRow } from '../trace/columns.ts'
import { agentGraph, type AgentCall } from './agent-graph.ts'
import {
  asCount,
  asRecord,
  firstToken,
  isRecord,
  millisUs,
  optionalCount,
  optionalNumber,
  optionalId,
  optionalText,
  type JsonRecord,
} from './fields.ts'
import { writeGraph, type GraphDependency, type GraphRow } from './graph-rows.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { blockIds, hashingOf } from './block-ids.ts'
import { RowFault } from './row-fault.ts'

const SCHEMA = 'dynamo.request.trace.v1'
const OTHER_EVENTS = new Set(['tool_start', 'tool_end', 'tool_error', 'request_payload'])

export const dynamo: LineImporter = {
  name: 'dynamo',
  title: 'Dynamo request trace v1',
  unit: 'line',
  recognises: ({ record }) =>
    record?.['schema'] === SCHEMA ||
    (isRecord(record?.['event']) && record['event']['schema'] === SCHEMA),
  begin(context) {
    const calls: Call[] = []
    const known = new Set<string>()
    return jsonLines(
      (line) => dynamoLine(line, calls, known, context),
      () => writeCalls(calls, context),
    )
  },
}

type Call = AgentCall & Readonly<{ cells: Partial<RequestRow>; told: readonly GraphDependency[] }>

function dynamoLine(
  line: JsonRecord,
  calls: Call[],
  known: Set<string>,
  context: ImportContext,
): void {
  const record = isRecord(line['event']) ? line['event'] : line
  const event = String(record['event_type'])
  if (OTHER_EVENTS.has(event)) return
  if (event !== 'request_end') throw new RowFault('the event is of no known type')
  const request = asRecord(record['request'], 'request')
  const id = optionalId(request['request_id'])
  if (id === null) throw new RowFault('request_id is missing')
  if (known.has(id)) throw new RowFault('request_id is not unique')
  const startMs = optionalNumber(request['request_received_ms'], 'request_received_ms')
  if (startMs === null) throw new RowFault('request_received_ms is missing')
  const startUs = Math.round(startMs * 1_000)
  const { cells, told } = cellsOf(request, context)
  const agent = isRecord(record['agent_context']) ? record['agent_context'] : {}
  const session = optionalId(agent['session_id'])
  if (session !== null) cells.session = context.label('session', session)
  known.add(id)
  calls.push({
    id,
    session: session ?? '',
    parentSession: optionalId(agent['parent_session_id']),
    startUs,
    endUs: startUs + (cells.e2eUs ?? 0),
    cells,
    told,
  })
}

/** Hashes are of content under a public seed: only their order of appearance is kept. */
function cellsOf(
  request: JsonRecord,
  context: ImportContext,
): { cells: Partial<RequestRow>; told: GraphDependency[] } {
  const replay = asRecord(request['replay'], 'replay')
  const input = asCount(replay['input_length'], 'input_length')
  const size = asCount(replay['trace_block_size'], 'trace_block_size')
  const ids = blockIds(replay['input_sequence_hashes'])
  if (size === 0 || ids.length !== Math.ceil(input / size)) {
    throw new RowFault('input_sequence_hashes do not cover input_length')
  }
  const output = asCount(request['output_tokens'], 'output_tokens')
  const us = (name: string) => millisUs(optionalNumber(request[name], name))
  const finish = isRecord(request['finish_reason_metadata'])
    ? optionalText(request['finish_reason_metadata']['finish_reason'])
    : null
  const cells: Partial<RequestRow> = {
    endpoint: 'chat',
    model: optionalText(request['model']),
    promptTokens: input,
    cachedTokens: optionalCount(request['cached_tokens'], 'cached_tokens'),
    outputTokens: output,
    tokenSource: 'server',
    finishReason: finish,
    outcome: outcomeOf(finish, output),
    ...firstToken(us('ttft_ms')),
    e2eUs: us('total_time_ms'),
    serverQueueUs: us('prefill_wait_time_ms'),
  }
  context.header.hashing = hashingOf(size)
  const chain = context.blocks.extend(ids, (index) => Math.min(size, input - index * size))
  return {
    cells: { ...cells, prefixLeaf: chain.leaf, prefixBlocks: chain.count },
    told: dependenciesOf(replay['dependencies']),
  }
}

function outcomeOf(finish: string | null, output: number): string {
  if (finish === 'cancelled' || finish === 'abort') return 'client_abort'
  return output === 0 || finish === 'error' ? 'http_error' : 'ok'
}

function dependenciesOf(value: unknown): GraphDependency[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((item: unknown) => {
    const id = isRecord(item) ? optionalId(item['request_id']) : null
    if (!isRecord(item) || id === null) return []
    const trigger = item['trigger'] === 'dispatch' ? 'dispatch' : 'end'
    const relation = optionalText(item['relation']) ?? 'sequence'
    return [{ id, trigger, relation, delayUs: 0 }]
  })
}

function writeCalls(calls: readonly Call[], context: ImportContext): void {
  const ordered = calls.toSorted((a, b) => a.startUs - b.startUs)
  const byId = new Map(ordered.map((call) => [call.id, call]))
  const graph = agentGraph(ordered.filter(({ session }) => session !== ''))
  const turns = new Map<string, number>()
  const rows = ordered.map((call): GraphRow => {
    const turn = turns.get(call.session) ?? 0
    turns.set(call.session, turn + 1)
    const dependencies =
      call.told.length > 0
        ? call.told.map((told) => ({ ...told, delayUs: delayOf(told, call, byId) }))
        : (graph.get(call.id) ?? [])
    const cells = call.session === '' ? call.cells : { ...call.cells, turn }
    return { id: call.id, startUs: call.startUs, cells, dependencies }
  })
  writeGraph(rows, context)
  context.header.originWallUs = context.sink.originUs
}

function delayOf(told: GraphDependency, call: Call, byId: ReadonlyMap<string, Call>): number {
  const earlier = byId.get(told.id)
  if (earlier === undefined) return 0
  return call.startUs - (told.trigger === 'end' ? earlier.endUs : earlier.startUs)
}
