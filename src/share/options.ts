/** What the verbs that share traces can be told. Parsed once, here; later code trusts the type. */
import { TraceError } from '../base/errors.ts'
import { readText } from '../base/files.ts'
import { parseChoice, parseCount } from '../base/parse.ts'
import { POLICIES, PRESETS, type ScrubPolicy } from './scrub-policy.ts'

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

/** The policy that the flags name; `--k` changes how many other tenants make a prefix common. */
export function parsePolicy(
  raw: Pick<RawScrubOptions, 'preset' | 'k' | 'recipient' | 'check'>,
): ScrubPolicy {
  const policy = POLICIES[parseChoice('--preset', raw.preset, PRESETS)]
  if (raw.recipient !== undefined && (policy.sharing !== 'tenants' || raw.check === true)) {
    throw new TraceError('BAD_OPTION', '--recipient goes with --preset partner and a copy', {
      hint: 'team hides nothing of tenants, public shares nothing between them.',
    })
  }
  if (raw.k === undefined) return policy
  if (policy.sharing !== 'tenants') {
    throw new TraceError('BAD_OPTION', `--k goes with --preset partner, not ${policy.preset}`)
  }
  return { ...policy, minOtherTenants: parseCount('--k', raw.k, 2) }
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
    recipients: new Set(raw.recipient),
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
