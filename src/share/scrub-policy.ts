/** How much of a trace may leave the team: three presets, each setting one line. Pure. */

export const PRESETS = ['team', 'partner', 'public'] as const
export type Preset = (typeof PRESETS)[number]

export type ScrubPolicy = Readonly<{
  preset: Preset
  /**
   * Whose requests may share a prefix id: anyone's; those of a tenant, and across tenants if at least
   * `minOtherTenants` besides the request's own have it (Infinity: never); or those of one session.
   */
  sharing: 'all' | 'tenants' | 'session'
  minOtherTenants: number
  /** Tenants with fewer requests lose their id; 0 keeps all, Infinity none. */
  minTenantRequests: number
  /** Models with fewer requests become 'other'; 0 keeps all. */
  minModelRequests: number
  keepsWallClock: boolean
  /** Times are rounded to this; 1 keeps them. */
  quantumUs: number
  /** Lengths in tokens are rounded up to one of so many steps an octave; null keeps them. */
  stepsPerOctave: number | null
  /** Below this many tokens the step is fixed: what short prompts are guessed by. */
  leastStepTokens: number
  /** The same for answers, of which many are short and none is a secret of its own. */
  leastAnswerStepTokens: number
  chunkTimes: 'keep' | 'coarsen' | 'drop'
  keepsBytes: boolean
  /** What the server had cached of a prompt tells that it was sent before, by whomever. */
  keepsCachedTokens: boolean
  keepsParams: boolean
  keepsAdapters: boolean
  keepsTools: boolean
  /** Labels, routes, targets, events, server metrics, the server's own marks. */
  keepsMarks: boolean
}>

export const POLICIES: Readonly<Record<Preset, ScrubPolicy>> = {
  team: {
    preset: 'team',
    sharing: 'all',
    minOtherTenants: 0,
    minTenantRequests: 0,
    minModelRequests: 0,
    keepsWallClock: true,
    quantumUs: 1,
    stepsPerOctave: null,
    leastStepTokens: 1,
    leastAnswerStepTokens: 1,
    chunkTimes: 'keep',
    keepsBytes: true,
    keepsCachedTokens: true,
    keepsParams: true,
    keepsAdapters: true,
    keepsTools: true,
    keepsMarks: true,
  },
  partner: {
    preset: 'partner',
    sharing: 'tenants',
    // Who planted a guess in a tenant that nobody named would see who else has it.
    minOtherTenants: Number.POSITIVE_INFINITY,
    minTenantRequests: 10,
    minModelRequests: 10,
    keepsWallClock: false,
    quantumUs: 1_000,
    stepsPerOctave: 64,
    leastStepTokens: 4,
    leastAnswerStepTokens: 1,
    chunkTimes: 'coarsen',
    keepsBytes: false,
    keepsCachedTokens: false,
    keepsParams: true,
    keepsAdapters: false,
    keepsTools: true,
    keepsMarks: false,
  },
  public: {
    preset: 'public',
    sharing: 'session',
    minOtherTenants: Number.POSITIVE_INFINITY,
    minTenantRequests: Number.POSITIVE_INFINITY,
    minModelRequests: 100,
    keepsWallClock: false,
    quantumUs: 10_000,
    stepsPerOctave: 32,
    leastStepTokens: 16,
    leastAnswerStepTokens: 4,
    chunkTimes: 'drop',
    keepsBytes: false,
    keepsCachedTokens: false,
    keepsParams: false,
    keepsAdapters: false,
    keepsTools: false,
    keepsMarks: false,
  },
}

/** Other tenants that make a prefix common under `partner`, once the recipient's own are named. */
export const COMMON_TENANTS = 3

/** Rounded up, so that a prompt never becomes shorter than the blocks that it shares. 0 stays 0. */
export function roundTokens(
  tokens: number,
  policy: ScrubPolicy,
  side: 'prompt' | 'answer',
): number {
  const { stepsPerOctave, leastStepTokens, leastAnswerStepTokens } = policy
  if (stepsPerOctave === null || !(tokens > 0)) return tokens
  const octave = 2 ** Math.floor(Math.log2(tokens))
  const leastStep = side === 'prompt' ? leastStepTokens : leastAnswerStepTokens
  const step = Math.max(leastStep, 2 ** Math.floor(Math.log2(octave / stepsPerOctave)))
  return Math.ceil(tokens / step) * step
}

export function roundTime(us: number, quantumUs: number): number {
  return quantumUs === 1 ? us : Math.round(us / quantumUs) * quantumUs
}

/** What a recipient can still read out of a trace under it, in the words that are printed. */
export function stillTells(policy: ScrubPolicy): string {
  const { minOtherTenants } = policy
  const common = Number.isFinite(minOtherTenants)
    ? `, and what ${minOtherTenants} and more others have too: a tenant of the recipient that was not named could confirm a guess of it`
    : ''
  const shared = {
    all: 'every shared prefix: who plants a guessed prompt sees which requests begin with it',
    tenants: `what each tenant repeats${common}`,
    session: 'what one session repeats',
  }[policy.sharing]
  return `sizes, arrival pattern, outcomes, ${shared}`
}
