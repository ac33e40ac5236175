/**
 * Streams of every dialect made from what they mean, so that what is read of them can be held against
 * it: no second parser, which could be wrong in the same way.
 */
import fc from 'fast-check'
import type { EndpointName } from '../../src/trace/columns.ts'

type Kind = 'content' | 'reasoning' | 'tool'
type Step = Readonly<{ kind: Kind; text: string; tokens: number; choice: number }>

/** What a stream is meant to say. */
export type Meaning = Readonly<{
  steps: readonly Step[]
  choices: number
  counts: 'none' | 'ids' | 'running'
  hasUsage: boolean
  hasDone: boolean
  hasFinish: boolean
  hasError: boolean
  hasMetrics: boolean
}>

/** One event of the stream; `step` where it bears tokens. */
export type ToldEvent = Readonly<{ name: string | null; data: string; step: Step | null }>

const CODES: Readonly<Record<Kind, number>> = { content: 0, reasoning: 1, tool: 2 }
const PROMPT = 17
const REASON = 'length'

// Text that looks like JSON, like marks of a dialect, of several bytes a character, or of none.
const text = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }),
  fc.constantFrom('"', '\\', '\n', '}]}', '"usage":{', '[DONE]', 'data: x', '\u2028', '🚢', 'é'),
)

export const meanings: fc.Arbitrary<Meaning> = fc.record({
  steps: fc.array(
    fc.record({
      kind: fc.constantFrom<Kind>('content', 'reasoning', 'tool'),
      text,
      tokens: fc.integer({ min: 1, max: 4 }),
      choice: fc.nat(2),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  choices: fc.integer({ min: 1, max: 3 }),
  counts: fc.constantFrom('none', 'ids', 'running'),
  hasUsage: fc.boolean(),
  hasDone: fc.boolean(),
  hasFinish: fc.boolean(),
  hasError: fc.boolean(),
  hasMetrics: fc.boolean(),
})

const DIALECTS = { chat: choiceEvents, completions: choiceEvents, messages, responses } as const
export type ToldDialect = keyof typeof DIALECTS
export const TOLD_DIALECTS = Object.keys(DIALECTS) as ToldDialect[]

export function eventsOf(dialect: ToldDialect, meaning: Meaning): ToldEvent[] {
  return DIALECTS[dialect](fitted(dialect, meaning), dialect)
}

/** What that dialect can say of it. */
function fitted(dialect: ToldDialect, meaning: Meaning): Meaning {
  const { choices } = meaning
  const isFlat = dialect === 'completions'
  const hasChoices = isFlat || dialect === 'chat'
  return {
    ...meaning,
    choices: hasChoices ? choices : 1,
    counts: hasChoices ? meaning.counts : 'none',
    hasDone: hasChoices && meaning.hasDone,
    hasMetrics: hasChoices && meaning.hasMetrics && meaning.hasUsage,
    steps: meaning.steps.map((step) => ({
      ...step,
      kind: isFlat ? 'content' : step.kind,
      choice: hasChoices ? step.choice % choices : 0,
    })),
  }
}

const plain = (value: unknown, step: Step | null = null): ToldEvent => ({
  name: null,
  data: JSON.stringify(value),
  step,
})

const named = (type: string, value: object, step: Step | null = null): ToldEvent => ({
  name: type,
  data: JSON.stringify({ type, ...value }),
  step,
})

const totalOf = (meaning: Meaning) => meaning.steps.reduce((sum, { tokens }) => sum + tokens, 0)

function textOf({ steps }: Meaning): string {
  const spoken = steps.filter(({ kind, choice }) => kind === 'content' && choice === 0)
  return spoken.map(({ text: piece }) => piece).join('')
}

function choiceEvents(meaning: Meaning, dialect: ToldDialect): ToldEvent[] {
  const isChat = dialect === 'chat'
  const head = { id: 'cmpl-1', model: 'tiny' }
  const used = [...new Set(meaning.steps.map(({ choice }) => choice))]
  const running = new Map<number, number>()
  const events: ToldEvent[] = []
  const roles = isChat ? used : []
  for (const index of roles) {
    const choice = { index, delta: { role: 'assistant', content: '' }, finish_reason: null }
    events.push(plain({ ...head, choices: [choice] }))
  }
  meaning.steps.forEach((step, place) => {
    const isLast = meaning.steps.findLastIndex(({ choice }) => choice === step.choice) === place
    const soFar = (running.get(step.choice) ?? 0) + step.tokens
    running.set(step.choice, soFar)
    const usage = { prompt_tokens: PROMPT, completion_tokens: soFar }
    const choice = {
      index: step.choice,
      ...(isChat ? { delta: deltaOf(step) } : { text: step.text }),
      ...(meaning.counts === 'ids'
        ? { token_ids: Array.from({ length: step.tokens }, () => 5) }
        : {}),
      finish_reason: isLast && meaning.hasFinish ? REASON : null,
    }
    const more = meaning.counts === 'running' ? { usage } : {}
    events.push(plain({ ...head, choices: [choice], ...more }, step))
  })
  if (meaning.hasError) events.push(plain({ error: { message: 'gone', code: 500 } }))
  if (meaning.hasUsage) {
    const usage = { prompt_tokens: PROMPT, completion_tokens: totalOf(meaning) }
    const metrics = meaning.hasMetrics ? { metrics: { queue_time_ms: 1.5 } } : {}
    events.push(plain({ ...head, choices: [], usage, ...metrics }))
  }
  if (meaning.hasDone) events.push({ name: null, data: '[DONE]', step: null })
  return events
}

function deltaOf({ kind, text: piece }: Step): object {
  if (kind === 'content') return { content: piece }
  if (kind === 'reasoning') return { reasoning: piece }
  return { content: null, tool_calls: [{ index: 0, function: { arguments: piece } }] }
}

function messages(meaning: Meaning): ToldEvent[] {
  const usage = { input_tokens: PROMPT, output_tokens: 0 }
  const deltas = { content: 'text_delta', reasoning: 'thinking_delta', tool: 'input_json_delta' }
  const fields = { content: 'text', reasoning: 'thinking', tool: 'partial_json' }
  return [
    named('message_start', { message: { id: 'm', model: 'tiny', usage } }),
    named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ...meaning.steps.map((step) => {
      const delta = { type: deltas[step.kind], [fields[step.kind]]: step.text }
      return named('content_block_delta', { index: 0, delta }, step)
    }),
    ...(meaning.hasError ? [named('error', { error: { type: 'overloaded_error' } })] : []),
    named('content_block_stop', { index: 0 }),
    ...(meaning.hasFinish || meaning.hasUsage
      ? [
          named('message_delta', {
            ...(meaning.hasFinish ? { delta: { stop_reason: 'max_tokens' } } : {}),
            ...(meaning.hasUsage ? { usage: { output_tokens: totalOf(meaning) } } : {}),
          }),
        ]
      : []),
    ...(meaning.hasFinish ? [named('message_stop', {})] : []),
  ]
}

function responses(meaning: Meaning): ToldEvent[] {
  const names = {
    content: 'response.output_text.delta',
    reasoning: 'response.reasoning_text.delta',
    tool: 'response.function_call_arguments.delta',
  }
  const response = { id: 'resp_1', model: 'tiny', status: 'in_progress' }
  const usage = { input_tokens: PROMPT, output_tokens: totalOf(meaning) }
  const end = {
    ...response,
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    output: [{ type: 'message', content: [{ type: 'output_text', text: textOf(meaning) }] }],
    ...(meaning.hasUsage ? { usage } : {}),
  }
  return [
    named('response.created', { response }),
    ...meaning.steps.map((step) => named(names[step.kind], { delta: step.text }, step)),
    ...(meaning.hasError ? [named('error', { code: 'x' })] : []),
    ...(meaning.hasFinish ? [named('response.completed', { response: end })] : []),
  ]
}

/** What an observer should have seen. */
export function expectedOf(dialect: ToldDialect, told: Meaning) {
  const meaning = fitted(dialect, told)
  const { steps, counts, hasFinish, hasDone, hasError } = meaning
  const isExact = counts !== 'none'
  // Usage of responses comes with their end only; running counts need no last one.
  const hasTotal =
    counts === 'running' || (meaning.hasUsage && (dialect !== 'responses' || hasFinish))
  const hasPrompt = hasTotal || dialect === 'messages'
  const isWhole = hasFinish || hasDone
  return {
    outcome: hasError ? 'stream_error' : isWhole ? 'ok' : 'truncated',
    finishReason: hasFinish ? REASON : null,
    chunkKinds: steps.map(({ kind }) => CODES[kind]),
    chunkTokensExact: isExact,
    chunkTokens: steps.map(({ tokens }) => (isExact ? tokens : 1)),
    promptTokens: hasPrompt ? PROMPT : null,
    outputTokens: hasTotal || isExact ? totalOf(meaning) : steps.length,
    tokenSource: hasTotal || isExact ? 'server' : 'stream',
    model: 'tiny',
    serverQueueUs: meaning.hasMetrics ? 1_500 : null,
    // A response is quoted whole at its end.
    text: dialect === 'responses' && !hasFinish ? '' : textOf(meaning),
  } as const
}

export type Wire = Readonly<{
  bytes: Buffer
  /** For each token-bearing event, where on the wire its last byte lies. */
  tokenEnds: readonly number[]
}>

/** How a server may lay it out. */
export const layouts = fc.record({
  lineEnds: fc.array(fc.constantFrom('\n', '\r\n', '\r'), { minLength: 1, maxLength: 3 }),
  comments: fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
  isNamed: fc.boolean(),
  hasIds: fc.boolean(),
  hasBom: fc.boolean(),
  space: fc.constantFrom('', ' '),
  chunkSizes: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 }),
  isChunked: fc.boolean(),
})
type Layout = typeof layouts extends fc.Arbitrary<infer T> ? T : never

export function wireOf(events: readonly ToldEvent[], layout: Layout, endpoint: EndpointName): Wire {
  const parts: Buffer[] = layout.hasBom ? [Buffer.from([0xef, 0xbb, 0xbf])] : []
  const bodyEnds: number[] = []
  let size = parts[0]?.length ?? 0
  events.forEach((event, place) => {
    const end = layout.lineEnds[place % layout.lineEnds.length] ?? '\n'
    const comment = `: keep-alive${end}${end}`.repeat(
      layout.comments[place % layout.comments.length] ?? 0,
    )
    const lines = [
      ...(event.name !== null && (layout.isNamed || endpoint === 'messages')
        ? [`event:${layout.space}${event.name}`]
        : []),
      ...(layout.hasIds ? [`id:${layout.space}${place}`] : []),
      `data:${layout.space}${event.data}`,
    ]
    const bytes = Buffer.from(comment + lines.map((line) => line + end).join('') + end)
    parts.push(bytes)
    size += bytes.length
    // The LF of a last CRLF belongs to nothing any more.
    if (event.step !== null) bodyEnds.push(size - (end === '\r\n' ? 2 : 1))
  })
  return framed(Buffer.concat(parts), bodyEnds, layout)
}

function framed(body: Buffer, bodyEnds: readonly number[], layout: Layout): Wire {
  const type = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n'
  if (!layout.isChunked) {
    const head = Buffer.from(`${type}content-length: ${body.length}\r\n\r\n`)
    const tokenEnds = bodyEnds.map((at) => head.length + at)
    return { bytes: Buffer.concat([head, body]), tokenEnds }
  }
  const out: Buffer[] = [Buffer.from(`${type}transfer-encoding: chunked\r\n\r\n`)]
  let wireAt = out[0]?.length ?? 0
  const tokenEnds: number[] = []
  for (let at = 0, turn = 0; at < body.length; turn += 1) {
    const to = Math.min(body.length, at + (layout.chunkSizes[turn % layout.chunkSizes.length] ?? 1))
    const line = Buffer.from(`${(to - at).toString(16)};x="y"\r\n`)
    for (const end of bodyEnds) {
      if (end >= at && end < to) tokenEnds.push(wireAt + line.length + end - at)
    }
    out.push(line, body.subarray(at, to), Buffer.from('\r\n'))
    wireAt += line.length + to - at + 2
    at = to
  }
  out.push(Buffer.from('0\r\nx-sum: 1\r\n\r\n'))
  return { bytes: Buffer.concat(out), tokenEnds }
}
