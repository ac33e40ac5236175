/** Usage and figures as completions and chat write them. Pure. */
import type { RequestFigures, Usage } from './call.ts'
import type { WireContext } from './wire.ts'

export function wholeUsage({ hasPromptTokensDetails }: WireContext, usage: Usage) {
  const { promptTokens, completionTokens, cachedTokens } = usage
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens: completionTokens,
    prompt_tokens_details: hasPromptTokensDetails
      ? { cached_tokens: cachedTokens, created_cache_tokens: null, multimodal_tokens: null }
      : null,
    completion_tokens_details: null,
  }
}

export function figuresTail(figures: RequestFigures | null) {
  return figures === null ? {} : { metrics: figures }
}
