/** An exchange as a row: absolute times become times from arrival and from sent. Pure. */
import type { Observation } from '../stream/observation.ts'
import { encodeChunkTimes } from '../trace/chunk-times.ts'
import { encodeChunkTokens } from '../trace/chunk-tokens.ts'
import type { RequestRow } from '../trace/columns.ts'
import type { BareEnd, Exchange } from './exchange.ts'

export type Row = Partial<RequestRow>

/** What is known once the request itself is there; also what a crash leaves. */
export function openRow(exchange: Exchange, originUs: number): Row {
  const { facts, sentAtUs, startedAtUs } = exchange
  return {
    seq: exchange.seq ?? 0,
    route: exchange.route,
    endpoint: exchange.endpoint,
    atUs: startedAtUs - originUs,
    connection: exchange.connection,
    connectUs: exchange.connectUs,
    lagUs: 0,
    uploadUs: sentAtUs === null ? null : sentAtUs - startedAtUs,
    requestBytes: exchange.requestBytes,
    ...(facts === null
      ? {}
      : {
          // A body that could not be read does not say.
          stream: facts.json === null ? null : facts.isStream,
          maxTokens: facts.maxTokens,
          n: facts.n,
          inputCount: facts.inputCount,
          params: facts.params,
          priority: facts.priority,
          imageSizes: facts.imageSizes,
          tools: facts.tools,
          toolBytes: facts.toolBytes,
        }),
  }
}

/** The row of an exchange whose answer was seen, whole or in part. */
export function answeredRow(exchange: Exchange, seen: Observation, originUs: number): Row {
  const { fromSent, common } = endOf(exchange, originUs)
  const isHangup = seen.outcome === 'client_abort'
  const hasChunks = seen.chunkAtUs.length > 0
  // A server may answer a wish for a stream in one piece.
  const isWhole = seen.outcome === 'ok' || seen.outcome === 'http_error'
  const lastUs = hasChunks ? seen.lastTokenAtUs : isWhole ? seen.endAtUs : null
  return {
    ...common,
    model: modelOf(exchange, seen),
    cachedTokens: seen.cachedTokens,
    promptTokens: seen.promptTokens,
    outputTokens: seen.outputTokens,
    reasoningTokens: seen.reasoningTokens,
    tokenSource: seen.tokenSource,
    responseBytes: seen.bodyBytes,
    status: seen.status,
    outcome: seen.outcome,
    finishReason: seen.finishReason,
    headersUs: fromSent(seen.headersAtUs),
    ttftUs: fromSent(seen.firstTokenAtUs),
    firstContentUs: fromSent(seen.firstContentAtUs),
    e2eUs: isHangup ? null : fromSent(lastUs),
    abortUs: isHangup ? fromSent(seen.endAtUs) : null,
    chunkTimes: hasChunks ? encodeChunkTimes(seen.chunkAtUs.map((at) => fromSent(at) ?? 0)) : null,
    chunkTokens: hasChunks ? encodeChunkTokens(seen.chunkTokens) : null,
    chunkKinds: seen.chunkKinds.some((kind) => kind !== 0) ? seen.chunkKinds : null,
    serverQueueUs: seen.serverQueueUs,
    serverTtftUs: seen.serverTtftUs,
    serverGenerateUs: seen.serverGenerateUs,
  }
}

/** Only a name that the server itself used, or accepted. */
function modelOf(exchange: Exchange, seen: Observation): string | null {
  if (seen.model !== null) return seen.model
  return seen.status >= 200 && seen.status < 300 ? (exchange.facts?.model ?? null) : null
}

/** The row of an exchange that nobody answered. */
export function bareRow(exchange: Exchange, end: BareEnd, originUs: number): Row {
  const { fromSent, common } = endOf(exchange, originUs)
  return {
    ...common,
    status: end.status,
    outcome: end.outcome,
    abortUs: end.outcome === 'client_abort' ? fromSent(end.atUs) : null,
    headersUs: end.status === null ? null : fromSent(end.atUs),
  }
}

function endOf(exchange: Exchange, originUs: number) {
  const sentAtUs = exchange.sentAtUs ?? exchange.startedAtUs
  // An answer may overtake the end of a long upload; a time from sent is never below 0.
  const fromSent = (atUs: number | null) => (atUs === null ? null : Math.max(0, atUs - sentAtUs))
  const common: Row = { ...openRow(exchange, originUs), stallUs: exchange.stallUs }
  return { fromSent, common }
}
