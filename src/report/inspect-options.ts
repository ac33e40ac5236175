/** What `trace inspect` can be told. Parsed once, here. */
import { TraceError } from '../base/errors.ts'
import { parseChoice } from '../base/parse.ts'
import type { CacheRule } from '../workload/cache-tree.ts'

export const INSPECT_FLAGS = {
  cacheSize: {
    flags: '--cache-size <tokens>',
    description: 'prefix hits with a cache of so many tokens, such as 1M',
    isRepeatable: true,
  },
  cacheRule: {
    flags: '--cache-rule <rule>',
    description: 'engine (as vLLM), prefix or block',
    default: 'engine',
  },
  cacheWindow: {
    flags: '--cache-window <window>',
    description: 'requests that count: all, or last-half after the first half has filled the cache',
    default: 'all',
  },
  cacheBlock: {
    flags: '--cache-block <tokens>',
    description: "tokens in one block of the cache, by default the trace's own",
  },
} as const

export type RawInspectOptions = {
  cacheSize?: string[]
  cacheRule: string
  cacheWindow: string
  cacheBlock?: string
}

const WINDOWS = ['all', 'last-half'] as const
export type CacheWindow = (typeof WINDOWS)[number]

export type CacheQuestion = Readonly<{
  capacities: readonly number[]
  rule: CacheRule
  window: CacheWindow
  /** null: the trace's. */
  blockTokens: number | null
}>

/** @throws TraceError BAD_OPTION */
export function parseInspectOptions(raw: RawInspectOptions): CacheQuestion {
  const { cacheSize, cacheRule, cacheWindow, cacheBlock } = raw
  const isBare = cacheSize === undefined || cacheSize.length === 0
  const isSaid = cacheRule !== 'engine' || cacheWindow !== 'all' || cacheBlock !== undefined
  if (isBare && isSaid) {
    throw new TraceError(
      'BAD_OPTION',
      '--cache-rule, --cache-window and --cache-block say nothing without --cache-size',
    )
  }
  return {
    capacities: (raw.cacheSize ?? []).map((text) => parseTokens('--cache-size', text)),
    rule: parseChoice('--cache-rule', raw.cacheRule, ['engine', 'prefix', 'block']),
    window: parseChoice('--cache-window', raw.cacheWindow, WINDOWS),
    blockTokens: raw.cacheBlock === undefined ? null : parseTokens('--cache-block', raw.cacheBlock),
  }
}

const PER_UNIT: Readonly<Record<string, number>> = {
  '': 1,
  K: 1_024,
  M: 1_048_576,
  G: 1_073_741_824,
}

/** '64K' → 65536: caches are counted in powers of two. */
function parseTokens(flag: string, text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([KMG]?)$/.exec(text) ?? []
  const tokens = Math.round(Number(digits) * (PER_UNIT[unit] ?? Number.NaN))
  if (tokens >= 1) return tokens
  throw new TraceError('BAD_OPTION', `${flag} wants tokens such as 512, 64K or 1M, got '${text}'`)
}
