/** Reads the server's own counts and timings, under the names of each dialect. Pure. */
import type { Draft } from './draft.ts'
import { asCount, asMark, asObject, type JsonObject } from './json.ts'

const US_PER_MS = 1_000
/** A server's own figure above this is no measurement. */
const MAX_SERVER_MS = 86_400_000

/** `id`, `model` and `system_fingerprint`, wherever an event or body has them. */
export function readIdentity(draft: Draft, value: JsonObject): void {
  draft.responseId ??= asMark(value['id'])
  draft.model ??= asMark(value['model'])
  draft.fingerprint ??= asMark(value['system_fingerprint'])
}

/** Usage of chat, completions and embeddings. The last one counts; one of zeros says nothing. */
export function readUsage(draft: Draft, usage: JsonObject): void {
  if (isBlank(usage)) return
  draft.promptTokens = asCount(usage['prompt_tokens']) ?? draft.promptTokens
  draft.outputTokens = asCount(usage['completion_tokens']) ?? draft.outputTokens
  readDetails(draft, usage['prompt_tokens_details'], usage['completion_tokens_details'])
}

/** Some gateways put zeros where they do not know. */
export function isBlank(usage: JsonObject): boolean {
  return usage['prompt_tokens'] === 0 && (asCount(usage['completion_tokens']) ?? 0) === 0
}

/** Usage of responses. */
export function readResponseUsage(draft: Draft, usage: JsonObject): void {
  draft.promptTokens = asCount(usage['input_tokens']) ?? draft.promptTokens
  draft.outputTokens = asCount(usage['output_tokens']) ?? draft.outputTokens
  readDetails(draft, usage['input_tokens_details'], usage['output_tokens_details'])
}

/** Usage of messages, whose `input_tokens` leave out what the cache served or took in. */
export function readMessageUsage(draft: Draft, usage: JsonObject): void {
  const fresh = asCount(usage['input_tokens'])
  const cached = asCount(usage['cache_read_input_tokens'])
  const created = asCount(usage['cache_creation_input_tokens'])
  if (fresh !== null) draft.promptTokens = fresh + (cached ?? 0) + (created ?? 0)
  draft.cachedTokens = cached ?? draft.cachedTokens
  draft.outputTokens = asCount(usage['output_tokens']) ?? draft.outputTokens
}

function readDetails(draft: Draft, prompt: unknown, output: unknown): void {
  const cached = asCount(asObject(prompt)?.['cached_tokens'])
  const reasoning = asCount(asObject(output)?.['reasoning_tokens'])
  draft.cachedTokens = cached ?? draft.cachedTokens
  draft.reasoningTokens = reasoning ?? draft.reasoningTokens
}

/** Per-request timings of vLLM's `--enable-per-request-metrics`. */
export function readServerTimes(draft: Draft, value: unknown): void {
  const metrics = asObject(value)
  if (metrics === null) return
  draft.serverQueueUs = usFromMs(metrics['queue_time_ms']) ?? draft.serverQueueUs
  draft.serverTtftUs = usFromMs(metrics['time_to_first_token_ms']) ?? draft.serverTtftUs
  draft.serverGenerateUs = usFromMs(metrics['generation_time_ms']) ?? draft.serverGenerateUs
}

function usFromMs(value: unknown): number | null {
  if (typeof value !== 'number' || !(value >= 0 && value <= MAX_SERVER_MS)) return null
  return Math.round(value * US_PER_MS)
}
