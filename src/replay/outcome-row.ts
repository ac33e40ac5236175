/** One finished request as a row of the result: what was planned, what happened, from *sent*. Pure. */
import assert from 'node:assert/strict'
import type { EndpointName, OutcomeName, RequestRow } from '../trace/columns.ts'
import { encodeChunkTimes } from '../trace/chunk-times.ts'
import { encodeChunkTokens } from '../trace/chunk-tokens.ts'
import type { Observation } from '../stream/observation.ts'
import { NONE, type Plan, type RequestShape } from '../workload/plan.ts'
import type { Fault, FlightResult } from './flight-result.ts'

export type RowContext = Readonly<{
  plan: Pick<Plan, 'columns' | 'shapes' | 'sessions' | 'blocks'>
  shard: Plan['shard']
  /** Absolute instant of due 0, µs. */
  startUs: number
  /** By index of the plan's shapes: what it was sent as and where to. */
  models: readonly string[]
  targetNames: readonly string[]
  /** Length of each block's chain, itself included. */
  depths: Uint32Array
}>

/** @param observation null where no head of an answer came */
export function outcomeRow(
  context: RowContext,
  result: FlightResult,
  observation: Observation | null,
): Partial<RequestRow> {
  return {
    ...plannedPart(context, result.index),
    ...sentPart(context, result),
    ...answerPart(context, result, observation),
  }
}

function plannedPart(context: RowContext, index: number): Partial<RequestRow> {
  const { columns, sessions } = context.plan
  const shapeIndex = columns.shape[index]!
  const { isStream, ...named } = shapeOf(context.plan, index)
  const parent = columns.parent[index]!
  return {
    ...named,
    stream: isStream,
    seq: rowNumber(context.shard, index),
    sourceSeq: columns.seq[index]!,
    copy: columns.copy[index]!,
    session: sessions[columns.session[index]!] ?? null,
    parentSeq: parent === NONE ? null : rowNumber(context.shard, parent),
    target: context.targetNames[shapeIndex] ?? null,
    model: context.models[shapeIndex] ?? null,
    maxTokens: columns.outputTokens[index]!,
    ...prefixOf(context, columns.leaf[index]!),
  }
}

function shapeOf({ columns, shapes }: RowContext['plan'], index: number): RequestShape {
  const shape = shapes[columns.shape[index]!]
  assert(shape !== undefined, `no shape of request ${index}`)
  return shape
}

/** Numbers of the shards of one run do not meet, so that they can be joined as they are. */
export function rowNumber(shard: Plan['shard'], index: number): number {
  return shard === null ? index : index * shard.count + (shard.index % shard.count)
}

function prefixOf({ plan, depths }: RowContext, leaf: number): Partial<RequestRow> {
  if (leaf === NONE) return { prefixLeaf: null, prefixBlocks: null }
  return { prefixLeaf: plan.blocks.id[leaf]!, prefixBlocks: depths[leaf]! }
}

function sentPart({ startUs }: RowContext, result: FlightResult) {
  const { dueUs, writtenAtUs, sentAtUs, connectUs, abortAtUs, requestBytes } = result
  return {
    atUs: dueUs - startUs,
    connectUs: known(connectUs),
    lagUs: known(writtenAtUs - dueUs),
    uploadUs: known(sentAtUs - writtenAtUs),
    abortUs: known(abortAtUs - sentAtUs),
    requestBytes,
    connection: Number.isNaN(writtenAtUs) ? null : result.connection,
  }
}

function answerPart(
  { plan }: RowContext,
  result: FlightResult,
  seen: Observation | null,
): Partial<RequestRow> {
  const sentUs = Number.isNaN(result.sentAtUs) ? result.writtenAtUs : result.sentAtUs
  const planned = plan.columns.promptTokens[result.index] ?? null
  const outcome = outcomeOf(result, seen, shapeOf(plan, result.index).endpoint)
  if (seen === null) {
    return { outcome, promptTokens: planned, tokenSource: 'estimate' }
  }
  const from = (atUs: number | null) => (atUs === null ? null : atUs - sentUs)
  const hasChunks = seen.chunkAtUs.length > 0
  const kinds = seen.chunkKinds.some((kind) => kind !== 0) ? seen.chunkKinds : null
  return {
    outcome,
    status: seen.status === 0 ? null : seen.status,
    finishReason: seen.finishReason,
    promptTokens: seen.promptTokens ?? planned,
    cachedTokens: seen.cachedTokens,
    outputTokens: seen.outputTokens,
    reasoningTokens: seen.reasoningTokens,
    tokenSource: seen.promptTokens === null ? (seen.tokenSource ?? 'estimate') : 'server',
    responseBytes: seen.bodyBytes,
    headersUs: from(seen.headersAtUs),
    ttftUs: from(seen.firstTokenAtUs),
    firstContentUs: from(seen.firstContentAtUs),
    e2eUs: from(seen.lastTokenAtUs ?? (outcome === 'ok' ? seen.endAtUs : null)),
    chunkTimes: hasChunks ? encodeChunkTimes(seen.chunkAtUs.map((atUs) => atUs - sentUs)) : null,
    chunkTokens: hasChunks ? encodeChunkTokens(seen.chunkTokens) : null,
    chunkKinds: hasChunks ? kinds : null,
    serverQueueUs: seen.serverQueueUs,
    serverTtftUs: seen.serverTtftUs,
    serverGenerateUs: seen.serverGenerateUs,
  }
}

/** Ours come first: an answer that we cut short is no failure of the server. */
function outcomeOf(
  result: FlightResult,
  seen: Observation | null,
  endpoint: EndpointName,
): OutcomeName {
  const own = OUTCOME_OF_FAULT[result.fault]
  if (own !== null) return own
  if (!Number.isNaN(result.abortAtUs)) return 'client_abort'
  if (seen?.outcome === 'ok' && endpoint !== 'embeddings' && isNoAnswer(seen)) return 'stream_error'
  return seen?.outcome ?? 'upstream_reset'
}

/** A page of a proxy, say: looked at whole, and no token, no usage and no reason to end is in it. */
function isNoAnswer(seen: Observation): boolean {
  const { seenShare, chunkAtUs, promptTokens, outputTokens, finishReason, hasStopReason } = seen
  const isTold = promptTokens !== null || outputTokens !== null || finishReason !== null
  return seenShare === 1 && chunkAtUs.length === 0 && !isTold && !hasStopReason
}

const OUTCOME_OF_FAULT: Readonly<Record<Fault, OutcomeName | null>> = {
  none: null,
  connect: 'not_sent',
  dropped: 'not_sent',
  unsendable: 'not_sent',
  interrupted: 'unobserved_end',
  timeout: 'timeout',
  garbage: 'stream_error',
  keepalive_race: 'upstream_reset',
}

function known(us: number): number | null {
  return Number.isNaN(us) ? null : us
}
