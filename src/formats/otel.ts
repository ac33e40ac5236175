/** OpenTelemetry GenAI spans: a tree file, a list, OTLP JSON, or any of them a line. Pure. */
import type { EndpointName, RequestRow } from '../trace/columns.ts'
import { intervalGraph } from './agent-graph.ts'
import { bodyFacts, usageOf, type BodyFacts } from './body-row.ts'
import {
  asRecord,
  firstToken,
  isRecord,
  optionalText,
  secondsUs,
  type JsonRecord,
} from './fields.ts'
import { writeGraph, type GraphRow } from './graph-rows.ts'
import { showsKey } from './head.ts'
import type { DocumentImporter, ImportContext, LineImporter } from './importer.ts'
import { parseJson } from './json-text.ts'
import { hashingOf } from './block-ids.ts'
import { spansOf, type Span } from './otel-spans.ts'

export const otel: DocumentImporter = {
  name: 'otel',
  title: 'OpenTelemetry GenAI spans, JSON',
  unit: 'document',
  recognises: (head) => isSpans(head.text) && !isManyLines(head.text),
  read: (document, context) => writeSpans(spansOf(document), context),
}

export const otelLines: LineImporter = {
  name: 'otel-lines',
  title: 'OpenTelemetry GenAI spans, one document a line',
  unit: 'line',
  recognises: (head) => head.record !== null && isSpans(head.text),
  begin(context) {
    const spans: Span[] = []
    return {
      line: (text) => void spans.push(...spansOf(asRecord(parseJson(text), 'the line'))),
      end: () => writeSpans(spans, context),
    }
  },
}

function isSpans(text: string): boolean {
  const head = { text } as Parameters<typeof showsKey>[0]
  const isTree = showsKey(head, 'span_id') || showsKey(head, 'spanId')
  return isTree && /gen_ai\./.test(text)
}

function isManyLines(text: string): boolean {
  return /\}\r?\n\s*\{"/.test(text)
}

const OPERATIONS: ReadonlyMap<string, EndpointName> = new Map([
  ['chat', 'chat'],
  ['text_completion', 'completions'],
  ['generate_content', 'chat'],
])

function writeSpans(all: readonly Span[], context: ImportContext): void {
  const byId = new Map(all.map((span) => [span.id, span]))
  const spans = all
    .filter((span) => isCall(span.attributes) && !isSeenByClient(span, byId))
    .toSorted((a, b) => a.startUs - b.startUs)
  const graph = intervalGraph(spans.map((span) => ({ ...span, parentSession: null })))
  const turns = new Map<string, number>()
  const rows = spans.map((span): GraphRow => {
    const turn = turns.get(span.session) ?? 0
    turns.set(span.session, turn + 1)
    const cells = { ...cellsOf(span, context), turn }
    return { id: span.id, startUs: span.startUs, cells, dependencies: graph.get(span.id) ?? [] }
  })
  writeGraph(rows, context)
  context.header.originWallUs = context.sink.originUs
  const otherCount = all.length - spans.length
  if (otherCount > 0) context.note(`spans that are no model calls: ${otherCount}`)
}

function isCall(attributes: JsonRecord): boolean {
  const operation = attributes['gen_ai.operation.name']
  if (typeof operation === 'string') return OPERATIONS.has(operation)
  return 'gen_ai.request.model' in attributes || isOfVllm(attributes)
}

/** vLLM's own spans name neither operation nor model. */
function isOfVllm(attributes: JsonRecord): boolean {
  return 'gen_ai.latency.e2e' in attributes
}

/** Spans between a client's and its server's: HTTP libraries and proxies. */
const MAX_HOPS = 32

/** vLLM's span of a request whose client has written one, too: the same request. */
function isSeenByClient(span: Span, byId: ReadonlyMap<string, Span>): boolean {
  if (!isOfVllm(span.attributes)) return false
  let above = byId.get(span.parentId ?? '')
  for (let hops = 0; above !== undefined && hops < MAX_HOPS; hops += 1) {
    if (isCall(above.attributes)) return true
    above = byId.get(above.parentId ?? '')
  }
  return false
}

/** By how vLLM begins the ids of its answers, where no operation is named. */
function endpointOf(attributes: JsonRecord): EndpointName {
  const named = OPERATIONS.get(String(attributes['gen_ai.operation.name']))
  if (named !== undefined) return named
  const id = String(attributes['gen_ai.request.id'])
  if (id.startsWith('cmpl-')) return 'completions'
  return id.startsWith('resp_') ? 'responses' : 'chat'
}

function cellsOf(span: Span, context: ImportContext): Partial<RequestRow> {
  const { attributes } = span
  const endpoint = endpointOf(attributes)
  const facts = factsOf(attributes, endpoint)
  const usage = toldUsage(attributes)
  const promptTokens = usage.promptTokens ?? promptEstimate(facts, context)
  const outputTokens = usage.outputTokens ?? outputEstimate(attributes, context)
  const isTold = usage.promptTokens !== null && usage.outputTokens !== null
  if (!isTold) context.note('spans without usage have tokens estimated from bytes')
  const chain = facts.prompt === null ? null : context.text.chain(facts.prompt, promptTokens ?? 0)
  if (chain !== null) context.header.hashing = hashingOf(null)
  const latencyUs = (name: string) => {
    const seconds = attributes[`gen_ai.latency.${name}`]
    return typeof seconds === 'number' ? secondsUs(seconds) : null
  }
  return {
    ...facts.cells,
    endpoint,
    ...usage,
    promptTokens,
    outputTokens,
    tokenSource: isTold ? 'server' : 'estimate',
    session: context.label('session', span.session),
    outcome: span.isError ? 'http_error' : 'ok',
    e2eUs: span.endUs - span.startUs,
    ...firstToken(latencyUs('time_to_first_token')),
    serverQueueUs: latencyUs('time_in_queue'),
    serverTtftUs: latencyUs('time_in_model_prefill'),
    serverGenerateUs: latencyUs('time_in_model_decode'),
    finishReason: finishOf(attributes),
    ...(chain === null ? {} : { prefixLeaf: chain.leaf, prefixBlocks: chain.count }),
  }
}

/** Under the names of today's convention, or the ones before it. */
function toldUsage(attributes: JsonRecord): ReturnType<typeof usageOf> {
  const usage = (name: string) => attributes[`gen_ai.usage.${name}`]
  return usageOf({
    prompt_tokens: usage('input_tokens') ?? usage('prompt_tokens'),
    completion_tokens: usage('output_tokens') ?? usage('completion_tokens'),
    cache_read_input_tokens: usage('cache_read.input_tokens'),
  })
}

function promptEstimate({ prompt }: BodyFacts, context: ImportContext): number | null {
  return prompt === null ? null : context.text.estimate(prompt.length)
}

/** The span's messages in the shape of a request, measured as one. */
function factsOf(attributes: JsonRecord, endpoint: EndpointName): BodyFacts {
  const told = attributes['gen_ai.input.messages'] ?? attributes['gen_ai.prompt']
  const facts = bodyFacts(endpoint, {
    model: attributes['gen_ai.request.model'] ?? attributes['gen_ai.response.model'],
    n: attributes['gen_ai.request.n'],
    max_tokens: attributes['gen_ai.request.max_tokens'],
    temperature: attributes['gen_ai.request.temperature'],
    top_p: attributes['gen_ai.request.top_p'],
    messages: listOf(told),
    tools: listOf(attributes['gen_ai.tool.definitions']),
  })
  // The body is put together here, so its size is nobody's.
  const { requestBytes: _size, stream: _stream, ...cells } = facts.cells
  return { ...facts, cells }
}

function listOf(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return parseJson(value)
  } catch {
    return undefined
  }
}

function outputEstimate(attributes: JsonRecord, context: ImportContext): number | null {
  const told = attributes['gen_ai.output.text'] ?? attributes['gen_ai.output.messages']
  if (told === undefined) return null
  const text = typeof told === 'string' ? told : JSON.stringify(told)
  return Math.max(1, context.text.estimate(Buffer.byteLength(text)))
}

function finishOf(attributes: JsonRecord): string | null {
  const told =
    attributes['gen_ai.response.finish_reasons'] ?? attributes['gen_ai.response.finish_reason']
  const first: unknown = Array.isArray(told) ? told[0] : told
  return optionalText(isRecord(first) ? null : first)
}
