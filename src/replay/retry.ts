/** When a failed request is sent again, and when nothing is sent for a while. Pure. */
import type { Clock } from '../base/clock.ts'
import { TraceError } from '../base/errors.ts'
import { parseCount, parseDurationUs, parseShare } from '../base/parse.ts'
import type { Draw } from '../base/random.ts'
import type { FlightResult, ReadyRequest } from './flight-result.ts'

export type RetryPolicy = Readonly<{
  /** Tries after the first. */
  retries: number
  /** The first wait, µs; it doubles from try to try up to the longest. */
  firstUs: number
  longestUs: number
  /** Retries may be this share of what was sent, so that they cannot become the load. */
  budget: number
}>

const DEFAULTS = { firstUs: 500_000, longestUs: 30_000_000, budget: 0.1 }

/**
 * '3', or '3 backoff 200ms..10s budget 20%'.
 *
 * @throws TraceError BAD_OPTION
 */
export function parseRetry(flag: string, text: string): RetryPolicy {
  const found = /^(\d+)(?: backoff (\w+)\.\.(\w+))?(?: budget (\S+))?$/.exec(text.trim())
  if (found === null) {
    throw new TraceError(
      'BAD_OPTION',
      `${flag} wants a policy such as '3 backoff 200ms..10s budget 10%', got '${text}'`,
    )
  }
  const [, count = '', first, longest, budget] = found
  const firstUs = first === undefined ? DEFAULTS.firstUs : parseDurationUs(flag, first)
  const longestUs = longest === undefined ? DEFAULTS.longestUs : parseDurationUs(flag, longest)
  return {
    retries: parseCount(flag, count, 1),
    firstUs,
    longestUs: Math.max(firstUs, longestUs),
    budget: budget === undefined ? DEFAULTS.budget : parseShare(flag, budget),
  }
}

/** Answers that ask to come again; every other error would come again too. */
const PASSING = new Set([429, 502, 503, 504])

/** A request that has brought a token is never sent again: its answer was under way. */
function mayRetry({ fault, capture, abortAtUs }: FlightResult): boolean {
  // Hung up as planned, maybe before a head came: that is no failure.
  if (!Number.isNaN(abortAtUs)) return false
  if (fault === 'connect' || fault === 'keepalive_race') return true
  if (fault !== 'none') return false
  return capture === null || PASSING.has(capture.status)
}

/**
 * Full jitter over the upper half, so that what failed together does not come back together.
 *
 * @param attempt 1 for the first retry
 */
function backoffUs(policy: RetryPolicy, seq: number, attempt: number, draw: Draw): number {
  const fullUs = Math.min(policy.longestUs, policy.firstUs * 2 ** (attempt - 1))
  return Math.round(fullUs * (0.5 + 0.5 * draw(seq, 0, attempt)))
}

/**
 * The wait that a server asks for: RFC 9110, `Retry-After` as seconds or as a date of any of its three forms.
 *
 * @returns µs; 0 where it asks for none, or in no form that can be read
 */
export function retryAfterUs(text: string, wallUs: number): number {
  const trimmed = text.trim()
  if (/^\d{1,9}$/.test(trimmed)) return Number(trimmed) * 1_000_000
  // The oldest form names no zone, and means the same as the others.
  const ms = Date.parse(trimmed.endsWith('GMT') ? trimmed : `${trimmed} GMT`)
  return Number.isFinite(ms) && /[a-z]/i.test(trimmed) ? Math.max(0, ms * 1_000 - wallUs) : 0
}

/** Counts what was sent again, so that it stays within its budget. */
export class Retries {
  readonly #policy: RetryPolicy | null
  readonly #draw: Draw
  #count = 0

  constructor(policy: RetryPolicy | null, draw: Draw) {
    this.#policy = policy
    this.#draw = draw
  }

  /**
   * A server's own wait is kept, and spread by up to the policy's first one, so that all whom it asked
   * do not come back together.
   *
   * @returns the same request at a later instant; null where it stays as it is
   */
  next(
    request: ReadyRequest,
    result: FlightResult,
    clock: Pick<Clock, 'nowUs' | 'wallUs'>,
    sentCount: number,
  ): ReadyRequest | null {
    const policy = this.#policy
    const attempt = request.attempt + 1
    if (policy === null || attempt > policy.retries || !mayRetry(result)) return null
    if (this.#count >= Math.max(1, policy.budget * sentCount)) return null
    const askedUs = retryAfterUs(result.capture?.retryAfter ?? '', clock.wallUs())
    // Sooner than the server asks would be the load that it asked to be spared.
    if (askedUs > policy.longestUs) return null
    this.#count += 1
    const ownUs = backoffUs(policy, request.index, attempt, this.#draw)
    const spreadUs = Math.round(policy.firstUs * this.#draw(request.index, 1, attempt))
    const waitUs = askedUs === 0 ? ownUs : Math.max(ownUs, askedUs + spreadUs)
    return { ...request, attempt, dueUs: clock.nowUs() + waitUs }
  }
}

/** What a server does when it is in trouble; a refusal of one request says nothing of the next. */
export function isServersFault({ fault, capture }: FlightResult): boolean {
  return fault !== 'none' || capture === null || capture.status >= 500 || capture.end !== 'complete'
}

export type BreakerPolicy = Readonly<{ failures: number; openUs: number }>

/** '20 for 5s': after so many failures in a row, nothing is sent for so long. @throws TraceError BAD_OPTION */
export function parseBreaker(flag: string, text: string): BreakerPolicy {
  const [, count, duration] = /^(\d+) for (\w+)$/.exec(text.trim()) ?? []
  if (count === undefined || duration === undefined) {
    throw new TraceError('BAD_OPTION', `${flag} wants a rule such as '20 for 5s', got '${text}'`)
  }
  return { failures: parseCount(flag, count, 1), openUs: parseDurationUs(flag, duration) }
}

/** Opens after failures in a row; then one request at a time tries whether it may close. */
export class Breaker {
  readonly #policy: BreakerPolicy | null
  #failures = 0
  #openUntilUs = Number.NEGATIVE_INFINITY
  #isTrying = false

  constructor(policy: BreakerPolicy | null) {
    this.#policy = policy
  }

  /** @returns false while nothing may be sent */
  allows(nowUs: number): boolean {
    const policy = this.#policy
    if (policy === null || this.#failures < policy.failures) return true
    if (nowUs < this.#openUntilUs || this.#isTrying) return false
    this.#isTrying = true
    return true
  }

  /** What was allowed ended, or never began, without a word about the server: the next one tries. */
  forgo(): void {
    this.#isTrying = false
  }

  tell(isFailure: boolean, nowUs: number): void {
    const policy = this.#policy
    if (policy === null) return
    this.#isTrying = false
    this.#failures = isFailure ? this.#failures + 1 : 0
    if (this.#failures >= policy.failures) this.#openUntilUs = nowUs + policy.openUs
  }
}
