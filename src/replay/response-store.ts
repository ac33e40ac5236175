/** Whether a server keeps its answers of /v1/responses under their names. Effects: network. */
import type { HttpClient } from '../base/http.ts'
import type { TargetFacts } from './target-facts.ts'

/** Asks one small request, and then for its answer by name. */
export async function keepsResponses(
  client: HttpClient,
  { basePath, url }: TargetFacts,
  model: string,
  timeoutUs: number,
): Promise<boolean> {
  const json = { model, input: 'the', max_output_tokens: 1, store: true }
  const place = new URL(`${basePath}/responses`, url)
  const answer = await client.callJson(place, { json, timeoutUs })
  const { id } = (answer ?? {}) as { id?: unknown }
  if (typeof id !== 'string') return false
  const kept = await client.call(new URL(`${place.pathname}/${encodeURIComponent(id)}`, url))
  return kept.status === 200
}
