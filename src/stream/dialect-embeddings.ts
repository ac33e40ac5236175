/** What `/v1/embeddings` answers mean: prompt tokens in, vectors out, never a stream. Pure. */
import type { Draft } from './draft.ts'
import { asObject, type JsonObject } from './json.ts'
import { readIdentity, readUsage } from './usage.ts'

export function readEmbeddingsBody(draft: Draft, value: JsonObject): void {
  readIdentity(draft, value)
  const usage = asObject(value['usage'])
  if (usage !== null) readUsage(draft, usage)
}
