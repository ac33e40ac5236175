/** What `trace replay` can be told beyond the load itself. Parsed once, here; later code trusts the type. */
import { TraceError } from '../base/errors.ts'
import { parseChoice, parseCount, parseLimitUs } from '../base/parse.ts'
import { PACINGS, type Pacing } from './alarm.ts'
import { CONNECTION_MODES, type ConnectionMode } from './link.ts'
import { parseModelMapping } from './model-map.ts'
import { PREFIX_MODES, type PrefixMode } from './prompt-words.ts'
import { parseTargets, type NamedTarget } from './target-choice.ts'
import { parseBreaker, parseRetry, type BreakerPolicy, type RetryPolicy } from './retry.ts'

export type NamedTokenizer = Readonly<{
  /** As the target calls it; null: any. */
  model: string | null
  /** A folder with tokenizer.json, or a model's id. */
  place: string
}>

export type ReplayOptions = Readonly<{
  targets: readonly NamedTarget[]
  /** null: a free name beside the current folder's traces. */
  outPath: string | null
  isForced: boolean
  modelMap: Readonly<Record<string, string>>
  workers: number
  pacing: Pacing
  timeoutUs: number
  stallUs: number
  maxInFlight: number
  maxPerSecond: number
  mayHitSource: boolean
  tooLong: 'refuse' | 'skip'
  connections: ConnectionMode
  retry: RetryPolicy | null
  breaker: BreakerPolicy | null
  /** The first that names the model, else the first for all. */
  tokenizers: readonly NamedTokenizer[]
  prefix: PrefixMode
  /** null: one of the run's own, so that no cache knows the words. */
  textSeed: string | null
  /** Prompts are made of this text's words; null: of common words. */
  textPath: string | null
  /** What answers may consist of. */
  answer: 'any' | 'words'
  /** µs since 1970 at which the plan's clock starts; null: as soon as everything is ready. */
  startAtWallUs: number | null
  headers: readonly (readonly [string, string])[]
  apiKeyPath: string | null
  tls: Readonly<{
    caPath: string | null
    certPath: string | null
    keyPath: string | null
    isInsecure: boolean
  }>
}>

/** The flags, their help and the only place where their defaults stand. */
export const REPLAY_FLAGS = {
  target: {
    flags: '--target <[name=]url>',
    description: 'server to send to; name: only this route or model (repeatable)',
    isRepeatable: true,
  },
  out: { flags: '--out <file>', description: 'the result, .sqlite or .arrow' },
  force: { flags: '--force', description: 'replace the result if it exists' },
  mapModel: {
    flags: '--map-model <recorded=served>',
    description: 'another name for a model; * for those that it does not serve (repeatable)',
    isRepeatable: true,
  },
  workers: { flags: '--workers <count>', description: 'sending threads', default: '1' },
  pacing: {
    flags: '--pacing <precise|frugal>',
    description: 'precise polls the last 0.2 ms before a send; frugal is up to 2 ms late',
    default: 'precise',
  },
  timeout: { flags: '--timeout <duration>', description: 'longest answer', default: '30m' },
  stallLimit: {
    flags: '--stall-limit <duration>',
    description: 'longest silence while an answer is awaited',
    default: '10m',
  },
  maxInFlight: {
    flags: '--max-in-flight <count>',
    description: 'leave out what would exceed it (counted; the loop is then not open)',
  },
  maxRps: { flags: '--max-rps <count>', description: 'leave out what would exceed it (counted)' },
  allowSource: {
    flags: '--allow-source',
    description: 'send even to the server that the trace was recorded from',
  },
  tooLong: {
    flags: '--too-long <refuse|skip>',
    description: "requests that do not fit the target's context",
    default: 'refuse',
  },
  connections: {
    flags: '--connections <fresh|pool|recorded>',
    description: 'one for each request, opened ahead; idle ones again; or as recorded',
    default: 'fresh',
  },
  retry: {
    flags: '--retry <policy>',
    description: "send failed ones again, e.g. '3 backoff 200ms..10s budget 10%'",
  },
  breaker: {
    flags: '--breaker <rule>',
    description: "after failures in a row leave out what is due, e.g. '20 for 5s' (counted)",
  },
  tokenizer: {
    flags: '--tokenizer <[model=]dir|id>',
    description: "ask this tokenizer instead of the target's; model: only for it (repeatable)",
    isRepeatable: true,
  },
  prefix: {
    flags: '--prefix <keep|unique|salt>',
    description: 'share prefixes as recorded, share none, or share text but no cache',
    default: 'keep',
  },
  textSeed: {
    flags: '--text-seed <text>',
    description: 'which words (default: fresh ones for each run)',
  },
  text: { flags: '--text <file>', description: 'prompts from the words of this text' },
  answer: {
    flags: '--answer <any|words>',
    description: 'words: only tokens that quote one to one (vLLM)',
    default: 'any',
  },
  startAt: {
    flags: '--start-at <instant>',
    description: 'wall clock of due 0, e.g. 2026-11-22T12:00:00Z: for shards on several machines',
  },
  header: {
    flags: '--header <name: value>',
    description: 'sent with each request (repeatable)',
    isRepeatable: true,
  },
  apiKeyFile: {
    flags: '--api-key-file <file>',
    description: 'its first line is sent as Bearer key',
  },
  tlsCa: { flags: '--tls-ca <file>', description: 'certificates to trust, PEM' },
  tlsCert: { flags: '--tls-cert <file>', description: 'our certificate, PEM' },
  tlsKey: { flags: '--tls-key <file>', description: 'its key, PEM' },
  tlsInsecure: { flags: '--tls-insecure', description: 'trust any certificate' },
} as const

type Flags = typeof REPLAY_FLAGS

/** As commander hands them over. */
export type RawReplayOptions = {
  [K in keyof Flags]: Flags[K] extends { default: string }
    ? string
    : Flags[K] extends { isRepeatable: true }
      ? readonly string[] | undefined
      : string | boolean | undefined
}

/** @throws TraceError BAD_OPTION, naming the first flag that is wrong */
export function parseReplayOptions(raw: RawReplayOptions): ReplayOptions {
  return {
    targets: parseTargets('--target', raw.target ?? []),
    outPath: textOf(raw.out),
    isForced: raw.force === true,
    modelMap: Object.fromEntries(
      (raw.mapModel ?? []).map((text) => parseModelMapping('--map-model', text)),
    ),
    workers: parseCount('--workers', raw.workers, 1),
    pacing: parseChoice('--pacing', raw.pacing, PACINGS),
    timeoutUs: parseLimitUs('--timeout', raw.timeout),
    stallUs: parseLimitUs('--stall-limit', raw.stallLimit),
    maxInFlight: parseLimit('--max-in-flight', raw.maxInFlight),
    maxPerSecond: parseLimit('--max-rps', raw.maxRps),
    mayHitSource: raw.allowSource === true,
    tooLong: parseChoice('--too-long', raw.tooLong, ['refuse', 'skip']),
    connections: parseChoice('--connections', raw.connections, CONNECTION_MODES),
    retry: typeof raw.retry === 'string' ? parseRetry('--retry', raw.retry) : null,
    breaker: typeof raw.breaker === 'string' ? parseBreaker('--breaker', raw.breaker) : null,
    tokenizers: (raw.tokenizer ?? []).map(parseTokenizer),
    prefix: parseChoice('--prefix', raw.prefix, PREFIX_MODES),
    textSeed: textOf(raw.textSeed),
    textPath: textOf(raw.text),
    answer: parseChoice('--answer', raw.answer, ['any', 'words']),
    startAtWallUs: typeof raw.startAt === 'string' ? parseInstant('--start-at', raw.startAt) : null,
    headers: (raw.header ?? []).map(parseHeader),
    apiKeyPath: textOf(raw.apiKeyFile),
    tls: {
      caPath: textOf(raw.tlsCa),
      certPath: textOf(raw.tlsCert),
      keyPath: textOf(raw.tlsKey),
      isInsecure: raw.tlsInsecure === true,
    },
  }
}

function parseTokenizer(text: string): NamedTokenizer {
  const [, model, place = ''] = /^(?:([^=]+)=)?(.+)$/.exec(text) ?? []
  if (place !== '') return { model: model ?? null, place }
  throw new TraceError('BAD_OPTION', "--tokenizer wants a folder or a model's id, got ''")
}

function parseInstant(flag: string, text: string): number {
  const ms = Date.parse(text)
  // Without an offset the machines of one run could each read it in their own zone.
  if (Number.isFinite(ms) && /(?:Z|[+-]\d\d:\d\d)$/.test(text)) return ms * 1_000
  throw new TraceError('BAD_OPTION', `${flag} wants an instant with its zone, got '${text}'`, {
    hint: 'For example 2026-11-22T12:00:00Z or 2026-11-22T13:00:00+01:00.',
  })
}

function parseLimit(flag: string, value: string | boolean | undefined): number {
  return value === undefined ? Number.POSITIVE_INFINITY : parseCount(flag, String(value), 1)
}

function textOf(value: string | boolean | undefined): string | null {
  return typeof value === 'string' ? value : null
}

/** What this program writes itself: two of a kind would be read in two ways. */
const OWN_HEADERS = new Set([
  'host',
  'content-length',
  'content-type',
  'transfer-encoding',
  'connection',
])

function parseHeader(text: string): readonly [string, string] {
  const [, name = '', value = ''] =
    /^([\w!#$%&'*+.^`|~-]+):[ \t]*([\t\x20-\x7e]+)$/.exec(text) ?? []
  // The value may be a secret: it is not quoted.
  if (name === '') throw new TraceError('BAD_OPTION', "--header wants 'name: value'")
  if (OWN_HEADERS.has(name.toLowerCase())) {
    throw new TraceError('BAD_OPTION', `--header cannot set ${name.toLowerCase()}`)
  }
  return [name, value]
}
