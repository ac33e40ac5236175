/** A row as a client span by the GenAI conventions of OpenTelemetry, in plain data. Pure. */
import { requestId, traceParent } from '../replay/request-head.ts'
import type { OutcomeName } from '../trace/columns.ts'
import { paramsOf } from '../trace/json-column.ts'
import { outcomeClass } from '../trace/outcome-class.ts'
import type { TraceHeader } from '../trace/header.ts'
import type { RequestBatch } from '../trace/trace.ts'

export const SPAN_COLUMNS = [
  'seq',
  'sourceSeq',
  'copy',
  'attempt',
  'session',
  'model',
  'endpoint',
  'stream',
  'target',
  'n',
  'maxTokens',
  'params',
  'atUs',
  'lagUs',
  'uploadUs',
  'abortUs',
  'ttftUs',
  'e2eUs',
  'headersUs',
  'outcome',
  'status',
  'finishReason',
  'promptTokens',
  'cachedTokens',
  'outputTokens',
  'tokenSource',
  'chunkTimes',
] as const

export type SpanBatch = RequestBatch<(typeof SPAN_COLUMNS)[number]>

export type SpanFacts = Readonly<{
  name: string
  traceId: string
  spanId: string
  /** µs since 1970. */
  startWallUs: number
  endWallUs: number
  /** null: it went well. */
  error: OutcomeName | null
  attributes: Readonly<Record<string, string | number | boolean | string[]>>
}>

/** What the conventions call our endpoints; others have names of their own. */
const OPERATIONS: Readonly<Record<string, string>> = {
  chat: 'chat',
  completions: 'text_completion',
  embeddings: 'embeddings',
}
/** Sampling parameters that the conventions name. */
const PARAMETERS = [
  'temperature',
  'top_p',
  'top_k',
  'frequency_penalty',
  'presence_penalty',
  'seed',
]

/** The run that rows belong to: its id stands in each request's x-request-id and traceparent. */
export function runNameOf({ labels, rowDigest }: TraceHeader): string {
  return labels['run'] ?? (rowDigest ?? 'trace').slice(0, 12)
}

/**
 * The ids are those of the traceparent that the replay sent: a server's own span is this one's child.
 *
 * @returns null for a request that was never sent
 */
export function spanFacts(header: TraceHeader, batch: SpanBatch, row: number): SpanFacts | null {
  const { columns } = batch
  const outcome = columns.outcome[row] ?? null
  if (outcome === 'not_sent') return null
  const operation = OPERATIONS[columns.endpoint[row] ?? ''] ?? columns.endpoint[row] ?? 'other'
  const model = columns.model[row]
  const id = requestId(runNameOf(header), rowName(columns, row))
  const [, traceId = '', spanId = ''] = traceParent(id).split('-')
  return {
    name: model ? `${operation} ${model}` : operation,
    traceId,
    spanId,
    ...spanTimes(header.originWallUs ?? 0, columns, row),
    error: outcomeClass(outcome) === 'failed' ? (outcome as OutcomeName) : null,
    attributes: {
      'gen_ai.operation.name': operation,
      'gen_ai.provider.name': header.server.software?.toLowerCase() === 'vllm' ? 'vllm' : 'openai',
      'http.request.header.x-request-id': [id],
      'trace.run': runNameOf(header),
      'trace.seq': columns.seq[row]!,
      ...told({ 'trace.outcome': outcome, 'server.address': columns.target[row] }),
      ...requestPart(columns, row),
      ...answerPart(columns, row),
    },
  }
}

function rowName({ seq, sourceSeq, copy, attempt }: SpanBatch['columns'], row: number) {
  const source = sourceSeq[row]!
  return {
    seq: Number.isNaN(source) ? seq[row]! : source,
    copy: copy[row]! || 0,
    attempt: attempt[row]! || 0,
  }
}

/** From the first byte written to the last that is known of the answer. */
function spanTimes(originWallUs: number, columns: SpanBatch['columns'], row: number) {
  const startWallUs = originWallUs + columns.atUs[row]! + (columns.lagUs[row]! || 0)
  const sentUs = startWallUs + (columns.uploadUs[row]! || 0)
  const lasts = [columns.e2eUs[row]!, columns.abortUs[row]!, columns.headersUs[row]!]
  return { startWallUs, endWallUs: sentUs + (lasts.find((us) => !Number.isNaN(us)) ?? 0) }
}

function requestPart(columns: SpanBatch['columns'], row: number) {
  const choices = columns.n[row]!
  const params = paramsOf(columns.params[row] ?? null, columns.seq[row])
  return told({
    'gen_ai.request.model': columns.model[row],
    'gen_ai.request.max_tokens': columns.maxTokens[row],
    'gen_ai.request.choice.count': choices > 1 ? choices : null,
    'gen_ai.request.stream': columns.stream[row] === 1,
    'gen_ai.conversation.id': columns.session[row],
    'trace.lag_us': columns.lagUs[row],
    ...Object.fromEntries(PARAMETERS.map((name) => [`gen_ai.request.${name}`, params[name]])),
  })
}

function answerPart(columns: SpanBatch['columns'], row: number) {
  const reason = columns.finishReason[row]
  const ttftUs = columns.ttftUs[row]!
  const outcome = columns.outcome[row]
  return told({
    'gen_ai.response.finish_reasons': reason ? [reason] : null,
    'gen_ai.response.time_to_first_chunk': ttftUs / 1e6,
    'gen_ai.usage.input_tokens': columns.promptTokens[row],
    'gen_ai.usage.output_tokens': columns.outputTokens[row],
    'gen_ai.usage.cache_read.input_tokens': columns.cachedTokens[row],
    'http.response.status_code': columns.status[row],
    'error.type': outcomeClass(outcome ?? null) === 'failed' ? outcome : null,
  })
}

/** Only what is known. */
function told(all: Readonly<Record<string, unknown>>): SpanFacts['attributes'] {
  return Object.fromEntries(
    Object.entries(all).filter(
      ([, value]) => value !== null && value !== undefined && !Number.isNaN(value),
    ),
  ) as SpanFacts['attributes']
}
