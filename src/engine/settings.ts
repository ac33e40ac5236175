/** What one running engine was told: the profile and the switches of its HTTP face. Types only. */
import type { Profile } from './profile.ts'

export type EngineSettings = Readonly<{
  profile: Profile
  seed: string
  /** Name under which the model is served. */
  modelName: string
  /** Keys that are let in; empty lets everyone in. */
  apiKeys: readonly string[]
  /** Requests that may wait before others are turned away with 503; null: no limit. */
  maxQueuedRequests: number | null
  hasPrefixCache: boolean
  /** Adds `prompt_tokens_details` to usage. */
  hasPromptTokensDetails: boolean
  /** Adds `metrics` to the final usage. */
  hasRequestFigures: boolean
  /** Echoes or makes X-Request-Id. */
  hasRequestIdHeaders: boolean
  /** Usage on each event of a stream, unasked. */
  forcesUsage: boolean
  streamIntervalTokens: number
  /** µs of silence after which a stream gets a comment; null: never. */
  keepAliveUs: number | null
}>

export const ENGINE_VERSION = '0.32.0'

/** Names the build and its settings in answers, as vLLM's hash does. */
export function fingerprintOf(settings: EngineSettings, hash: (text: string) => number): string {
  const { profile, seed } = settings
  const digits = (hash(`${profile.name} ${seed}`) % 0x1_0000_0000).toString(16).padStart(8, '0')
  return `vllm-${ENGINE_VERSION}-${digits}`
}
