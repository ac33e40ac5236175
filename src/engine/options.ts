/** What `trace engine` can be told. Parsed once, here; later code trusts the type. */
import { TraceError } from '../base/errors.ts'
import { parseCount, parseDurationUs, parseHostPort } from '../base/parse.ts'
import type { EngineOptions } from './engine.ts'
import type { Profile } from './profile.ts'
import { PROFILES } from './profiles.ts'

/** The only place defaults live; the help text shows these same strings. */
export const ENGINE_DEFAULTS = {
  listen: '127.0.0.1:8000',
  profile: 'l4-3b',
  seed: '1',
  streamInterval: '1',
} as const

export type RawEngineOptions = Readonly<
  Record<keyof typeof ENGINE_DEFAULTS, string> & {
    model?: string
    log?: string
    apiKey?: string[]
    maxNumSeqs?: string
    maxNumBatchedTokens?: string
    maxModelLen?: string
    kvBlocks?: string
    maxNumQueuedReqs?: string
    keepAlive?: string
    prefixCaching: boolean
    promptTokensDetails?: boolean
    perRequestMetrics?: boolean
    requestIdHeaders?: boolean
    forceUsage?: boolean
  }
>

/** @throws TraceError BAD_OPTION, naming the first flag that is wrong */
export function parseEngineOptions(raw: RawEngineOptions): EngineOptions {
  const profile = adapt(profileNamed(raw.profile), raw)
  return {
    listen: parseHostPort('--listen', raw.listen),
    logPath: raw.log ?? null,
    settings: {
      profile,
      seed: raw.seed,
      modelName: raw.model ?? profile.modelName,
      apiKeys: raw.apiKey ?? [],
      maxQueuedRequests: optionalCount('--max-num-queued-reqs', raw.maxNumQueuedReqs, 0),
      hasPrefixCache: raw.prefixCaching,
      hasPromptTokensDetails: raw.promptTokensDetails === true,
      hasRequestFigures: raw.perRequestMetrics === true,
      hasRequestIdHeaders: raw.requestIdHeaders === true,
      forcesUsage: raw.forceUsage === true,
      streamIntervalTokens: parseCount('--stream-interval', raw.streamInterval, 1),
      keepAliveUs:
        raw.keepAlive === undefined ? null : parseDurationUs('--keep-alive', raw.keepAlive),
    },
  }
}

/** Name and origin of each profile, for the help. */
export function describeProfiles(): string {
  const width = Math.max(...PROFILES.map(({ name }) => name.length))
  return PROFILES.map(({ name, origin }) => `  ${name.padEnd(width)}  ${origin}`).join('\n')
}

function profileNamed(name: string): Profile {
  const found = PROFILES.find((profile) => profile.name === name)
  if (found !== undefined) return found
  const names = PROFILES.map((profile) => profile.name).join(', ')
  throw new TraceError('BAD_OPTION', `--profile wants one of ${names}, got '${name}'`)
}

/** A profile with some limits of its own. */
function adapt(profile: Profile, raw: RawEngineOptions): Profile {
  const adapted: Profile = {
    ...profile,
    maxSequences: optionalCount('--max-num-seqs', raw.maxNumSeqs, 1) ?? profile.maxSequences,
    maxStepTokens:
      optionalCount('--max-num-batched-tokens', raw.maxNumBatchedTokens, 1) ??
      profile.maxStepTokens,
    maxModelTokens: optionalCount('--max-model-len', raw.maxModelLen, 2) ?? profile.maxModelTokens,
    blockCount: optionalCount('--kv-blocks', raw.kvBlocks, 1) ?? profile.blockCount,
  }
  const cacheTokens = adapted.blockCount * adapted.blockTokens
  if (adapted.maxModelTokens > cacheTokens) {
    throw new TraceError(
      'BAD_OPTION',
      `the KV cache holds ${cacheTokens} tokens, and one sequence may have ${adapted.maxModelTokens}`,
      { hint: 'Give more --kv-blocks, or a smaller --max-model-len.' },
    )
  }
  return adapted
}

function optionalCount(flag: string, text: string | undefined, min: number): number | null {
  return text === undefined ? null : parseCount(flag, text, min)
}
