/** Things that go wrong with a load, injected on purpose: how they are written. Pure. */
import { TraceError } from '../base/errors.ts'
import { parseDurationUs, parseShare } from '../base/parse.ts'

export type Anomaly = Readonly<{
  /** burst: more users · wild: more of one tenant · silence: nobody · oversized: longer prompts */
  kind: 'burst' | 'wild' | 'silence' | 'oversized'
  /** Of users or of tokens; 0 for silence. */
  factor: number
  tenant: string | null
  /** Of the requests in the stretch that are oversized. */
  share: number
  atUs: number
  forUs: number
  /** As the user wrote it. */
  text: string
}>

const FORM =
  /^(burst|oversized|silence|wild:.+?)(?:=x(\d+(?:\.\d+)?))? at (\S+) for (\S+)(?: share (\S+))?$/

/** 'burst=x5 at 10m for 30s', 'wild:acme=x20 …', 'silence …', 'oversized=x10 … share 5%'. */
export function parseAnomaly(flag: string, text: string): Anomaly {
  const [, name = '', digits, at = '', length = '', share] = FORM.exec(text) ?? []
  if (name === '') {
    throw new TraceError('BAD_OPTION', `${flag} wants 'burst=x5 at 10m for 30s', got '${text}'`, {
      hint: 'There are burst=xN, wild:TENANT=xN, oversized=xN (share 5%) and silence.',
    })
  }
  const kind = name.startsWith('wild:') ? 'wild' : (name as Anomaly['kind'])
  if ((digits === undefined) !== (kind === 'silence') || Number(digits) === 0) {
    throw new TraceError(
      'BAD_OPTION',
      `${flag} wants a factor above 0 but for silence, got '${text}'`,
    )
  }
  if (share !== undefined && kind !== 'oversized') {
    throw new TraceError('BAD_OPTION', `${flag} knows a share of oversized only, got '${text}'`)
  }
  return {
    kind,
    factor: Number(digits ?? 0),
    tenant: kind === 'wild' ? name.slice('wild:'.length) : null,
    share: share === undefined ? 1 : parseShare(flag, share),
    atUs: parseDurationUs(flag, at),
    forUs: parseDurationUs(flag, length),
    text,
  }
}

export function isDuring({ atUs, forUs }: Anomaly, instantUs: number): boolean {
  return instantUs >= atUs && instantUs < atUs + forUs
}
