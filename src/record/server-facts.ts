/** What the upstream says about itself, asked aside from traffic. Effects: network. */
import { TraceError } from '../base/errors.ts'
import type { HttpClient } from '../base/http.ts'
import { reasonOf } from '../base/reason.ts'
import { asArray, asCount, asMark, asObject, type JsonObject } from '../stream/json.ts'
import type { ServerFacts } from './messages.ts'

/** Of any question of the recorder's own. */
export const PATIENCE_US = 2_000_000
const ANSWER_BYTES = 1_000_000

export const NO_FACTS: ServerFacts = {
  software: null,
  version: null,
  models: [],
  maxModelTokens: null,
}

/** Why it has not told. */
export type Silence = Readonly<{
  /** In words. */
  problem: string
  /** Nobody listens there yet: it is worth asking again. */
  isAway: boolean
}>

export function isSilence(told: ServerFacts | Silence): told is Silence {
  return 'problem' in told
}

export async function readServerFacts(
  client: HttpClient,
  url: URL,
): Promise<ServerFacts | Silence> {
  try {
    const call = { timeoutUs: PATIENCE_US, bodyLimitBytes: ANSWER_BYTES }
    const [version, models] = await Promise.all([
      client.callJson(new URL('/version', url), call),
      client.callJson(new URL('/v1/models', url), call),
    ])
    const entries = asArray(asObject(models)?.['data']).map(asObject)
    const limits = entries.map((entry) => asCount(entry?.['max_model_len'])).filter(isNumber)
    const number = asMark(asObject(version)?.['version'], 60)
    return {
      software: number !== null && isVllm(entries) ? 'vLLM' : null,
      version: number,
      models: entries.map((entry) => asMark(entry?.['id'])).filter((name) => name !== null),
      maxModelTokens: limits.length === 0 ? null : Math.max(...limits),
    }
  } catch (error) {
    const cause = error instanceof TraceError ? error.cause : error
    return { problem: reasonOf(cause), isAway: isAway(error) }
  }
}

/** Others have a route of that name, too; where the list of models wants a key, it is taken for vLLM's. */
function isVllm(entries: readonly (JsonObject | null)[]): boolean {
  return entries.length === 0 || entries.some((entry) => entry?.['owned_by'] === 'vllm')
}

/** Its machine, its name or its process is not there yet. */
const AWAY = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, cause } = error as NodeJS.ErrnoException
  const tried = error instanceof AggregateError ? error.errors : [cause]
  return (code !== undefined && AWAY.has(code)) || tried.some(isAway)
}

function isNumber(value: number | null): value is number {
  return value !== null
}
