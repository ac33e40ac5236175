/** Usage and figures as completions and chat write them. Pure. */
import type { RequestFigures, Usage } from './call.ts'
import { type WireContext, dataEvent } from './wire.ts'

/** The last event of a stream that was asked for usage. `cached` words the details of its prompt. */
export function usageEvent(
  { call, fingerprint, hasPromptTokensDetails }: WireContext,
  object: string,
  usage: Usage,
  cached: object,
  figures: RequestFigures | null,
): string {
  return dataEvent({
    id: call.id,
    object,
    created: call.createdSec,
    model: call.model,
    choices: [],
    usage: {
      prompt_tokens: usage.promptTokens,
      total_tokens: usage.promptTokens + usage.completionTokens,
      completion_tokens: usage.completionTokens,
      ...(hasPromptTokensDetails ? { prompt_tokens_details: cached } : {}),
    },
    system_fingerprint: fingerprint,
    ...(figures === null ? {} : { metrics: figures }),
  })
}

/** What ends every whole answer, from its fingerprint to its figures; `own` stands before the last. */
export function wholeTail(
  { fingerprint, hasPromptTokensDetails }: WireContext,
  usage: Usage,
  own: object,
  figures: RequestFigures | null,
) {
  const { promptTokens, completionTokens, cachedTokens } = usage
  return {
    service_tier: null,
    system_fingerprint: fingerprint,
    usage: {
      prompt_tokens: promptTokens,
      total_tokens: promptTokens + completionTokens,
      completion_tokens: completionTokens,
      prompt_tokens_details: hasPromptTokensDetails
        ? { cached_tokens: cachedTokens, created_cache_tokens: null, multimodal_tokens: null }
        : null,
      completion_tokens_details: null,
    },
    ...own,
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: figures === null ? null : { ...figures, speculative_decoding: null },
  }
}
