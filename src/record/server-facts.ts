/** What the upstream says about itself, asked aside from traffic. Effects: network. */
import type { HttpClient } from '../base/http.ts'
import { asArray, asCount, asMark, asObject } from '../stream/json.ts'
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

/** @returns null while it cannot be reached */
export async function readServerFacts(client: HttpClient, url: URL): Promise<ServerFacts | null> {
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
      software: number === null ? null : 'vLLM',
      version: number,
      models: entries.map((entry) => asMark(entry?.['id'])).filter((name) => name !== null),
      maxModelTokens: limits.length === 0 ? null : Math.max(...limits),
    }
  } catch {
    return null
  }
}

/** A gateway may answer for a server that is not there yet, with nothing about it. */
export function tellsSomething(facts: ServerFacts | null): facts is ServerFacts {
  return facts !== null && (facts.version !== null || facts.models.length > 0)
}

function isNumber(value: number | null): value is number {
  return value !== null
}
