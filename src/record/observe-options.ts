/** What the observer can be told: keys, sessions, tenants, sampling, token counts. Pure. */
import { TraceError } from '../base/errors.ts'
import { parseChoice, parseCount, parseShare, parseUrl } from '../base/parse.ts'

/** Where the text that names a session or a tenant stands. */
export type NameRule =
  | Readonly<{ kind: 'header'; name: string }>
  | Readonly<{ kind: 'field'; name: 'user' | 'prompt_cache_key' }>

export type ObserveOptions = Readonly<{
  keyPath: string
  sessionBy: readonly NameRule[]
  /** Also link a request to the response it names, and to the conversation that it quotes. */
  linksResponses: boolean
  linksPrefixes: boolean
  tenantBy: readonly NameRule[]
  /** null: everything. */
  sample: Readonly<{ share: number; by: 'session' | 'tenant' }> | null
  /** Prompts that `/tokenize` is asked about each second, at most; 0: none. */
  tokenizePerSec: number
  /** Folder or name of a tokenizer to count with; null: none. */
  tokenizer: string | null
  /** Keyed ids of prefixes: by bytes of each prompt, by tokens of some, or none. */
  blocks: 'bytes' | 'engine' | 'off'
  /** Where the servers' counters are read; none: they are not. */
  metricsUrls: readonly string[]
}>

/** The flags, their help and the only place where their defaults stand. */
export const OBSERVE_FLAGS = {
  keyFile: {
    flags: '--key-file <file>',
    description: 'secret of all keyed ids, made if missing; $TRACE_KEY wins (beside --out)',
  },
  sessionBy: {
    flags: '--session-by <list>',
    description: 'header:NAME, user, prompt_cache_key, previous_response_id, prefix; first found',
    default: 'prompt_cache_key,previous_response_id,prefix',
  },
  tenantBy: {
    flags: '--tenant-by <list>',
    description: 'header:NAME, user; none',
    default: 'none',
  },
  sample: {
    flags: '--sample <share>',
    description: 'keep whole sessions or tenants, so many of them',
    default: '100%',
  },
  sampleBy: {
    flags: '--sample-by <what>',
    description: 'session or tenant',
    default: 'session',
  },
  tokenizeRate: {
    flags: '--tokenize-rate <count>',
    description: 'prompts a second, at most, that the upstream is asked to count; 0: none',
    default: '2',
  },
  tokenizer: {
    flags: '--tokenizer <dir>',
    description: "model folder or id to count with where the server's counts are missing",
  },
  blocks: {
    flags: '--blocks <how>',
    description: 'ids of shared prefixes: bytes; engine: exact tokens of counted prompts; off',
    default: 'bytes',
  },
  capturePolicy: {
    flags: '--capture-policy',
    description: 'say what a recording keeps, and end',
  },
  metricsUrl: {
    flags: '--metrics-url <url>',
    description: "the server's counters, read every 5 s; off: none (/metrics of each upstream)",
  },
} as const

export type RawObserveOptions = Readonly<
  Record<'sessionBy' | 'tenantBy' | 'sample' | 'sampleBy' | 'tokenizeRate' | 'blocks', string> & {
    keyFile?: string
    tokenizer?: string
    metricsUrl?: string
  }
>

/**
 * @param directory the recording; its key lies beside it, never in it
 * @param upstreams servers of all listeners
 * @throws TraceError BAD_OPTION, naming the first flag that is wrong
 */
export function parseObserveOptions(
  raw: RawObserveOptions,
  directory: string,
  upstreams: readonly URL[],
): ObserveOptions {
  const session = namesOf(raw.sessionBy)
  const share = parseShare('--sample', raw.sample)
  const by = parseChoice('--sample-by', raw.sampleBy, ['session', 'tenant'])
  const tenantBy = namesOf(raw.tenantBy).map((name) => ruleOf('--tenant-by', name))
  const links = ['previous_response_id', 'prefix']
  const sessionBy = session
    .filter((name) => !links.includes(name))
    .map((name) => ruleOf('--session-by', name))
  refuseBlindSample(share, by, session.length, tenantBy.length)
  return {
    keyPath: raw.keyFile ?? `${directory.replace(/\/+$/, '')}.key`,
    sessionBy,
    linksResponses: session.includes('previous_response_id'),
    linksPrefixes: session.includes('prefix'),
    tenantBy,
    sample: share === 1 ? null : { share, by },
    tokenizePerSec: parseCount('--tokenize-rate', raw.tokenizeRate),
    tokenizer: raw.tokenizer ?? null,
    blocks: parseChoice('--blocks', raw.blocks, ['bytes', 'engine', 'off']),
    metricsUrls: metricsUrlsOf(raw.metricsUrl, upstreams),
  }
}

function metricsUrlsOf(text: string | undefined, upstreams: readonly URL[]): string[] {
  if (text === 'off') return []
  if (text !== undefined) return [parseUrl('--metrics-url', text).href]
  return upstreams.map((upstream) => new URL('/metrics', upstream).href)
}

function namesOf(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'none')
}

function ruleOf(flag: string, name: string): NameRule {
  if (name === 'user' || name === 'prompt_cache_key') return { kind: 'field', name }
  const header = /^header:([!#$%&'*+.^_`|~0-9a-z-]+)$/i.exec(name)?.[1]
  if (header !== undefined) return { kind: 'header', name: header.toLowerCase() }
  throw new TraceError('BAD_OPTION', `${flag} does not know '${name}'`, {
    hint: 'Name a header as header:X-Session-Id, or use user or prompt_cache_key.',
  })
}

/** Thinning single requests would tear conversations apart and change the load's shape. */
function refuseBlindSample(share: number, by: string, sessions: number, tenants: number): void {
  if (share === 1 || (by === 'session' ? sessions : tenants) > 0) return
  throw new TraceError('BAD_OPTION', `--sample by ${by} needs --${by}-by`, {
    hint: 'Only whole sessions or tenants can be sampled, never single requests.',
  })
}
