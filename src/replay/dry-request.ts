/** One small request for each endpoint in use, to learn what the target takes. Effects: network. */
import { TraceError } from '../base/errors.ts'
import type { HttpClient } from '../base/http.ts'
import { asObject, asText, parseJson } from '../stream/json.ts'
import type { EndpointName } from '../trace/columns.ts'
import type { RequestShape } from '../workload/plan.ts'
import { bodyFrame, PATHS, type Dialect } from './request-body.ts'
import type { TargetFacts } from './target-facts.ts'
import { toolsJson } from './tools.ts'
import type { Vocabulary } from './vocabulary.ts'

/** From most to least: the first that is not refused is what the target speaks. */
export function dialectsOf(facts: TargetFacts): readonly Dialect[] {
  const openAi: Dialect = {
    isVllm: false,
    hasStreamOptions: true,
    hasPriority: false,
    chatLimit: 'max_tokens',
  }
  const thinking: Dialect = { ...openAi, chatLimit: 'max_completion_tokens' }
  const others = [openAi, thinking].flatMap((each) => [each, { ...each, hasStreamOptions: false }])
  const vllm = { ...openAi, isVllm: true, hasPriority: true }
  return facts.isVllm ? [vllm, { ...vllm, hasPriority: false }, ...others] : others
}

/** A server that compiles or loads on its first request may take this long. */
export const DRY_TIMEOUT_US = 60_000_000
const BUSY = new Set([429, 503])
const NOT_SERVED = new Set([404, 405, 501])
const WANTS_KEY = new Set([401, 403])

/**
 * @param shapes one for each endpoint and parameter in use that a server may refuse
 * @returns the dialect that all of them were answered in
 * @throws TraceError TARGET_UNFIT if an endpoint is not served or refuses every dialect
 */
export async function findDialect(
  client: HttpClient,
  facts: TargetFacts,
  model: string,
  shapes: readonly RequestShape[],
  vocabulary: Vocabulary,
  timeoutUs: number,
): Promise<Dialect> {
  const dialects = dialectsOf(facts)
  let chosen = 0
  let refusal = ''
  for (const shape of shapes) {
    for (;;) {
      const dialect = dialects[chosen]
      if (dialect === undefined) {
        throw refused(facts, shape.endpoint, 'refuses every form of', refusal)
      }
      const { status, text } = await ask(
        client,
        facts,
        { shape, model },
        dialect,
        vocabulary,
        timeoutUs,
      )
      if (status < 300) break
      if (NOT_SERVED.has(status)) throw refused(facts, shape.endpoint, 'does not serve')
      if (WANTS_KEY.has(status)) throw refused(facts, shape.endpoint, 'wants a key for')
      if (BUSY.has(status)) throw refused(facts, shape.endpoint, `is busy, it answers ${status} to`)
      if (status >= 500) throw refused(facts, shape.endpoint, `answers ${status} to`)
      refusal = `: ${status}${reasonIn(text)}`
      chosen += 1
    }
  }
  return dialects[chosen] as Dialect
}

function refused(
  facts: TargetFacts,
  endpoint: EndpointName,
  how: string,
  refusal = '',
): TraceError {
  return new TraceError(
    'TARGET_UNFIT',
    `${facts.url.origin} ${how} ${facts.basePath}${PATHS[endpoint]}${refusal}`,
  )
}

const LONGEST_REASON = 200

/** What the server says of its refusal: it has seen nothing but common words and our parameters. */
function reasonIn(text: string): string {
  const said = asObject(parseJson(text))
  const message = asText(asObject(said?.['error'])?.['message']) ?? asText(said?.['message'])
  return message === null ? '' : ` ${message.slice(0, LONGEST_REASON).split('\n')[0]}`
}

async function ask(
  client: HttpClient,
  facts: TargetFacts,
  { shape, model }: Readonly<{ shape: RequestShape; model: string }>,
  dialect: Dialect,
  vocabulary: Vocabulary,
  timeoutUs: number,
): Promise<Readonly<{ status: number; text: string }>> {
  const path = PATHS[shape.endpoint]
  const wish = {
    shape: { ...shape, n: 1 },
    model,
    outputTokens: 1,
    isExactLength: true,
    cacheSalt: null,
    tools: toolsJson(shape),
    wantsTokenIds: false,
    allowedTokenIds: null,
    previousResponseId: null,
  }
  const frame = bodyFrame(wish, dialect)
  if (frame === null || path === null) return { status: 200, text: '' }
  const json: unknown = JSON.parse(
    frame.before + smallPrompt(shape.endpoint, dialect, vocabulary) + frame.after,
  )
  return client.call(new URL(facts.basePath + path, facts.url), { json, timeoutUs })
}

function smallPrompt(endpoint: EndpointName, dialect: Dialect, { words, ids }: Vocabulary): string {
  const text = words.slice(0, 2).join('').trim()
  if (endpoint === 'chat' || endpoint === 'messages') {
    return JSON.stringify([{ role: 'user', content: text }])
  }
  const isByIds = dialect.isVllm && ids !== null && endpoint !== 'responses'
  return JSON.stringify(isByIds ? ids.slice(0, 2) : text)
}
