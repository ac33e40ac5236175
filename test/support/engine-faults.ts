/** What can be wrong with a replay on the simulated engine, and the check that has to say so. Pure. */
import type { CheckName } from '../../src/report/verdict.ts'

/** One request of the plan, or of somebody else's. */
export type Ask = {
  readonly index: number
  readonly dueUs: number
  readonly promptTokens: number
  /** As planned, and as the server gives. */
  readonly outputTokens: number
  answerTokens: number
  /** Tokens after which the client leaves; 0: never. */
  readonly hangUpAfter: number
  readonly isForeign: boolean
  isRefused: boolean
}

export type Knobs = {
  /** Every send is so much later. */
  lateUs: number
  sendCostUs: number
  readCostUs: number
  /** In these the client does nothing. */
  frozen: { fromUs: number; toUs: number }[]
  isThrottled: boolean
  clockStep: { atUs: number; byUs: number } | null
  foreign: Ask[]
  restartAtUs: number | null
  maxInFlight: number
  /** Rows lost from the end of the file. */
  cutShare: number
}

const CLEAN: Knobs = {
  lateUs: 0,
  sendCostUs: 80,
  readCostUs: 15,
  frozen: [],
  isThrottled: false,
  clockStep: null,
  foreign: [],
  restartAtUs: null,
  maxInFlight: Infinity,
  cutShare: 0,
}

type Turn = (knobs: Knobs, asks: Ask[], strength: number, draw: () => number) => void

/** Each as strong as it is worth noticing, or stronger: `strength` from 0 to 1. */
const TURNS = {
  late: (knobs, _asks, strength) => {
    knobs.lateUs = 1_500 + 30_000 * strength
  },
  stalled_loop: (knobs, asks, strength) => {
    const everyUs = 2_000_000
    const lengthUs = 40_000 + 200_000 * strength
    for (let fromUs = everyUs; fromUs < asks.at(-1)!.dueUs; fromUs += everyUs) {
      knobs.frozen.push({ fromUs, toUs: fromUs + lengthUs })
    }
  },
  starved: (knobs, asks, strength) => {
    const events = asks.reduce((sum, { outputTokens }) => sum + outputTokens + 1, 0)
    const share = 0.8 + 0.3 * strength
    const costUs = (share * asks.at(-1)!.dueUs) / events
    Object.assign(knobs, { sendCostUs: costUs, readCostUs: costUs })
  },
  throttled: (knobs, asks, strength) => {
    knobs.isThrottled = true
    const everyUs = 5_000_000 - 4_900_000 * strength
    for (let fromUs = everyUs; fromUs < asks.at(-1)!.dueUs; fromUs += everyUs) {
      knobs.frozen.push({ fromUs, toUs: fromUs + 20_000 })
    }
  },
  foreign_load: (knobs, asks, strength, draw) => {
    const count = 1 + Math.round(asks.length * strength)
    const own = asks[0]!
    knobs.foreign = Array.from({ length: count }, () => {
      const dueUs = Math.round(draw() * asks.at(-1)!.dueUs)
      return { ...own, dueUs, answerTokens: 20, hangUpAfter: 0, isForeign: true }
    })
  },
  restarted: (knobs, asks, strength) => {
    knobs.restartAtUs = asks.at(-1)!.dueUs * (0.3 + 0.5 * strength)
  },
  wrong_tokens: (_knobs, asks, strength, draw) => {
    const share = 0.03 + 0.5 * strength
    for (const ask of asks) {
      if (draw() < share) ask.answerTokens = Math.max(1, Math.floor(ask.outputTokens * 0.6))
    }
  },
  truncated: (knobs, _asks, strength) => {
    knobs.cutShare = 0.01 + 0.5 * strength
  },
  clock_step: (knobs, asks, strength) => {
    const byUs = (6_000 + 1e6 * strength) * (strength > 0.5 ? 1 : -1)
    knobs.clockStep = { atUs: asks.at(-1)!.dueUs * strength, byUs }
  },
  errors: (_knobs, asks, strength) => {
    const every = Math.max(2, Math.round(40 - 38 * strength))
    for (const ask of asks) ask.isRefused = ask.index % every === 1
  },
  dropped: (knobs) => {
    knobs.maxInFlight = 1
  },
} as const satisfies Readonly<Record<string, Turn>>

export type FaultName = keyof typeof TURNS

/** The check that must object; others may too. */
export const FAULT_CHECKS: Readonly<Record<FaultName, CheckName>> = {
  late: 'lag',
  stalled_loop: 'loop_delay',
  starved: 'cpu',
  throttled: 'throttling',
  foreign_load: 'foreign_load',
  restarted: 'server_restart',
  wrong_tokens: 'tokens',
  truncated: 'complete',
  clock_step: 'clock',
  errors: 'errors',
  dropped: 'dropped',
}
export const FAULT_NAMES = Object.keys(TURNS) as FaultName[]

export function turnKnob(fault: FaultName | null, asks: Ask[], draw: () => number): Knobs {
  const knobs = { ...CLEAN, frozen: [], foreign: [] }
  if (fault !== null) TURNS[fault](knobs, asks, draw(), draw)
  return knobs
}

export function sortAsks(asks: readonly Ask[]): Ask[] {
  return asks.toSorted((a, b) => a.dueUs - b.dueUs)
}
