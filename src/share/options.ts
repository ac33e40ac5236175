/** What the verbs that share traces can be told. Parsed once, here; later code trusts the type. */
import { TraceError } from '../base/errors.ts'
import { readText } from '../base/files.ts'
import { parseChoice, parseCount } from '../base/parse.ts'
import { COMMON_TENANTS, POLICIES, PRESETS, type ScrubPolicy } from './scrub-policy.ts'

export type ScrubOptions = Readonly<{
  input: string
  output: string
  policy: ScrubPolicy
  /** The new key; null draws one that nobody keeps. */
  key: Uint8Array | null
  /** Tenants, as the trace names them, that are the recipient's own. */
  recipients: ReadonlySet<string>
  isForced: boolean
}>

export const SCRUB_DEFAULTS = { preset: 'partner' } as const

export type RawScrubOptions = Readonly<{
  preset: string
  k?: string
  recipient?: string[]
  keyFile?: string
  force?: boolean
  check?: boolean
}>

/** What `--recipient` takes where the recipient is no client of the service. */
const NO_TENANT = 'none'

/**
 * The policy that the flags name. Prefixes are shared across tenants only in a copy whose recipient is
 * known, and pass the gate only if `--k` says how many others they need.
 */
export function parsePolicy(
  raw: Pick<RawScrubOptions, 'preset' | 'k' | 'recipient' | 'check'>,
): ScrubPolicy {
  const policy = POLICIES[parseChoice('--preset', raw.preset, PRESETS)]
  if (raw.recipient !== undefined && (policy.sharing !== 'tenants' || raw.check === true)) {
    throw new TraceError('BAD_OPTION', '--recipient goes with --preset partner and a copy', {
      hint: 'team hides nothing of tenants, public shares nothing between them.',
    })
  }
  if (raw.k !== undefined && policy.sharing !== 'tenants') {
    throw new TraceError('BAD_OPTION', `--k goes with --preset partner, not ${policy.preset}`)
  }
  if (raw.k !== undefined && raw.check !== true && raw.recipient === undefined) {
    throw new TraceError('BAD_OPTION', '--k wants --recipient', {
      hint: `Name the tenants that are the recipient's own, or --recipient ${NO_TENANT} if it is no client.`,
    })
  }
  if (raw.k === undefined && raw.recipient === undefined) return policy
  const minOtherTenants = raw.k === undefined ? COMMON_TENANTS : parseCount('--k', raw.k, 2)
  return { ...policy, minOtherTenants }
}

/** @throws TraceError BAD_OPTION, naming the first flag that is wrong */
export async function parseScrubOptions(
  input: string,
  output: string,
  raw: RawScrubOptions,
): Promise<ScrubOptions> {
  return {
    input,
    output,
    policy: parsePolicy(raw),
    key: raw.keyFile === undefined ? null : await readKey('--key-file', raw.keyFile),
    recipients: new Set(raw.recipient?.filter((name) => name !== NO_TENANT)),
    isForced: raw.force === true,
  }
}

/** 64 hex digits: the same key for two traces makes their ids comparable, on purpose. */
async function readKey(flag: string, path: string): Promise<Uint8Array> {
  const text = (await readText(flag, path)).trim()
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  throw new TraceError('BAD_OPTION', `${flag}: ${path} should hold 64 hexadecimal digits`, {
    hint: 'Make one with: openssl rand -hex 32',
  })
}
