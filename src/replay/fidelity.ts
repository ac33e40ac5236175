/** How much of the planned stimulus was delivered, counted while results come in. Pure. */
import type { RequestRow } from '../trace/columns.ts'
import type { FillerCounts } from './conversation.ts'
import type { PrefixGap } from './prefix-gap.ts'

export type Fidelity = {
  planned: number
  sent: number
  dropped: number
  promptExact: number
  promptOff: number
  outputExact: number
  outputOff: number
  /** Tokens planned in prompts whose size was told, and by how many these were off in all. */
  promptTokens: number
  promptTokensOff: number
  /** The same of whole answers. */
  outputTokens: number
  outputTokensOff: number
  hungUp: number
  /** Planned hang-ups whose answer ended first. */
  hangUpMissed: number
  /** Requests whose body was not ready at their instant: their lag is our own doing. */
  lateBodies: number
  /** Failed tries that were followed by another. */
  retried: number
  /** Later turns that could not quote the answer before them, by reason. */
  fillers: FillerCounts
  /** Tokens that hung-up answers brought beyond the planned instant. */
  surplusTokens: number
  /** Sent in place of requests whose answers were bound to a grammar; these are not. */
  structured: number
  outcomes: Record<string, number>
  /** null where nothing is shared, or nobody tells what was served. */
  prefix: PrefixGap | null
}

export type PlannedSizes = Readonly<{
  promptTokens: number
  outputTokens: number
  /** Tokens after which to hang up; 0 where it is by time or never. */
  abortTokens: number
  isHangUp: boolean
  isStructured: boolean
}>

export function newFidelity(planned: number): Fidelity {
  return {
    planned,
    sent: 0,
    dropped: 0,
    promptExact: 0,
    promptOff: 0,
    outputExact: 0,
    outputOff: 0,
    promptTokens: 0,
    promptTokensOff: 0,
    outputTokens: 0,
    outputTokensOff: 0,
    hungUp: 0,
    hangUpMissed: 0,
    surplusTokens: 0,
    lateBodies: 0,
    retried: 0,
    fillers: {},
    structured: 0,
    outcomes: {},
    prefix: null,
  }
}

/** Sizes count where the server told them, those of answers where they are whole. */
export function countFidelity(
  fidelity: Fidelity,
  row: Partial<RequestRow>,
  planned: PlannedSizes,
): void {
  const outcome = row.outcome ?? 'unobserved_end'
  fidelity.outcomes[outcome] = (fidelity.outcomes[outcome] ?? 0) + 1
  if (row.lagUs !== null && row.lagUs !== undefined) {
    fidelity.sent += 1
    if (planned.isStructured) fidelity.structured += 1
  } else fidelity.dropped += 1
  const isTold = row.tokenSource === 'server'
  if (isTold) countPrompt(fidelity, row.promptTokens, planned.promptTokens)
  if (outcome === 'client_abort') {
    fidelity.hungUp += 1
    if (planned.abortTokens > 0) {
      fidelity.surplusTokens += Math.max(0, (row.outputTokens ?? 0) - planned.abortTokens)
    }
  } else if (planned.isHangUp) {
    fidelity.hangUpMissed += 1
  } else if (outcome === 'ok' && isTold) {
    countOutput(fidelity, row.outputTokens, planned.outputTokens)
  }
}

function countPrompt(fidelity: Fidelity, told: number | null | undefined, planned: number): void {
  if (told === null || told === undefined) return
  if (told === planned) fidelity.promptExact += 1
  else fidelity.promptOff += 1
  fidelity.promptTokens += planned
  fidelity.promptTokensOff += Math.abs(told - planned)
}

function countOutput(fidelity: Fidelity, told: number | null | undefined, planned: number): void {
  if (told === null || told === undefined) return
  if (told === planned) fidelity.outputExact += 1
  else fidelity.outputOff += 1
  fidelity.outputTokens += planned
  fidelity.outputTokensOff += Math.abs(told - planned)
}
