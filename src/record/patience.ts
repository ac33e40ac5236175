/** How long a connection may wait for what, and what is done when that is over. Pure. */
import type { PipeLimits } from './pipe-context.ts'

/** What a connection is waiting for; monotonic µs, 0 for what has not happened. */
export type Waiting = {
  openedAtUs: number
  dialledAtUs: number
  isConnected: boolean
  refusedAtUs: number
  upstreamEndedAtUs: number
  /** Anything read from either side, or taken by a slow client. */
  movedAtUs: number
  /** Bytes that the client has still to take. */
  unsentBytes: number
}

export function newWaiting(nowUs: number): Waiting {
  return {
    openedAtUs: nowUs,
    dialledAtUs: 0,
    isConnected: false,
    refusedAtUs: 0,
    upstreamEndedAtUs: 0,
    movedAtUs: nowUs,
    unsentBytes: 0,
  }
}

/**
 * - dial: open the upstream's side, though the client has said nothing
 * - give-up: no connection to the upstream came of it
 * - leave: all was said; what the system still holds for the client it goes on delivering
 * - cut: end both sides at once
 * - time-out: the same, by an option of the operator
 */
export type Verdict = 'wait' | 'dial' | 'give-up' | 'leave' | 'cut' | 'time-out'

/** After a refusal the rest of the request is read and dropped, so that no reset eats the answer. */
export const REFUSED_LINGER_US = 2_000_000
/** The server has ended, the client has been given everything and keeps its side open. */
export const HALF_CLOSED_US = 60_000_000
/** The same, but the client has not taken everything, and takes nothing. */
export const UNDRAINED_US = 600_000_000

export function patienceOver(
  waiting: Readonly<Waiting>,
  nowUs: number,
  limits: PipeLimits,
): Verdict {
  if (waiting.refusedAtUs > 0) {
    return nowUs - waiting.refusedAtUs > REFUSED_LINGER_US ? 'leave' : 'wait'
  }
  if (waiting.dialledAtUs > 0 && !waiting.isConnected) {
    return nowUs - waiting.dialledAtUs > limits.connectUs ? 'give-up' : 'wait'
  }
  const quietUs = nowUs - waiting.movedAtUs
  const ageUs = nowUs - waiting.openedAtUs
  if (isBeyond(quietUs, limits.idleUs) || isBeyond(ageUs, limits.totalUs)) return 'time-out'
  if (waiting.upstreamEndedAtUs > 0) return afterUpstream(waiting, quietUs)
  return waiting.dialledAtUs === 0 && isBeyond(ageUs, limits.silentUs) ? 'dial' : 'wait'
}

/** @param limitUs 0 is no limit */
function isBeyond(us: number, limitUs: number): boolean {
  return limitUs > 0 && us > limitUs
}

function afterUpstream({ unsentBytes }: Readonly<Waiting>, quietUs: number): Verdict {
  if (unsentBytes === 0) return quietUs > HALF_CLOSED_US ? 'leave' : 'wait'
  return quietUs > UNDRAINED_US ? 'cut' : 'wait'
}
