import { expect, test } from 'vitest'
import { drawFor } from '../../src/base/random.ts'
import type { FlightResult, ReadyRequest } from '../../src/replay/flight-result.ts'
import { Breaker, parseBreaker, parseRetry, Retries, retryAfterUs } from '../../src/replay/retry.ts'

const failed = { fault: 'connect', capture: null, abortAtUs: Number.NaN } as FlightResult
const request = { index: 3, attempt: 0, dueUs: 0 } as ReadyRequest
const answered = (status: number, retryAfter = '') =>
  ({
    fault: 'none',
    abortAtUs: Number.NaN,
    capture: { status, end: 'complete', retryAfter },
  }) as FlightResult
const clockAt = (nowUs: number, wallUs = 0) => ({ nowUs: () => nowUs, wallUs: () => wallUs })

test('a policy is read from its words', () => {
  expect(parseRetry('--retry', '3 backoff 200ms..10s budget 20%')).toEqual({
    retries: 3,
    firstUs: 200_000,
    longestUs: 10_000_000,
    budget: 0.2,
  })
  expect(parseRetry('--retry', '2').retries).toBe(2)
  expect(() => parseRetry('--retry', 'often')).toThrow('--retry wants a policy')
  expect(() => parseBreaker('--breaker', '3')).toThrow('--breaker wants a rule')
})

test('waits double, stay under the longest, and are the same for the same seed', () => {
  const policy = { retries: 9, firstUs: 1_000, longestUs: 4_000, budget: 1 }
  const wait = (attempt: number) => {
    const retries = new Retries(policy, drawFor('1', 'retry'))
    return (
      retries.next({ ...request, attempt: attempt - 1 }, failed, clockAt(0), 100)?.dueUs ??
      Number.NaN
    )
  }
  for (const [attempt, fullUs] of [
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [7, 4_000],
  ] as const) {
    expect(wait(attempt)).toBeGreaterThanOrEqual(fullUs / 2)
    expect(wait(attempt)).toBeLessThanOrEqual(fullUs)
    expect(wait(attempt)).toBe(wait(attempt))
  }
})

test('only what asks to come again does, and never more than the budget', () => {
  const retries = new Retries(parseRetry('--retry', '5 budget 10%'), () => 0)
  const isRetried = (result: FlightResult) => retries.next(request, result, clockAt(0), 30) !== null
  expect(isRetried(answered(400))).toBe(false)
  expect(isRetried(answered(200))).toBe(false)
  expect(isRetried({ ...failed, fault: 'timeout' })).toBe(false)
  expect([answered(429), answered(503), failed, failed].map(isRetried)).toEqual([
    true,
    true,
    true,
    false,
  ])
})

test('a hang-up that was planned is never tried again, even if no head had come', () => {
  const retries = new Retries(parseRetry('--retry', '5 budget 100%'), () => 0)
  const hungUp = { fault: 'none', capture: null, abortAtUs: 5 } as FlightResult
  expect(retries.next(request, hungUp, clockAt(9), 100)).toBe(null)
})

test('a wait is read as seconds or as a date of any of the three forms of HTTP', () => {
  const wallUs = Date.UTC(1994, 10, 6, 8, 49, 30) * 1_000
  for (const [text, us] of [
    ['7', 7_000_000],
    [' 0 ', 0],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 7_000_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 7_000_000],
    ['Sun Nov  6 08:49:37 1994', 7_000_000],
    ['Sun, 06 Nov 1994 08:49:00 GMT', 0],
    ['soon', 0],
    ['-3', 0],
    ['1.5', 0],
    ['', 0],
  ] as const) {
    expect([text, retryAfterUs(text, wallUs)]).toEqual([text, us])
  }
})

test("a server's own wait is kept and spread, and one beyond the longest is no reason to come sooner", () => {
  const due = (retryAfter: string, draw: number) => {
    const retries = new Retries(parseRetry('--retry', '3 backoff 1s..9s budget 100%'), () => draw)
    return retries.next(request, answered(429, retryAfter), clockAt(5), 100)?.dueUs ?? null
  }
  expect(due('4', 0)).toBe(4_000_005)
  expect(due('4', 0.25)).toBe(4_250_005)
  expect(due('Thu, 01 Jan 1970 00:00:03 GMT', 0)).toBe(3_000_005)
  expect(due('0', 0)).toBe(500_005)
  expect(due('10', 0)).toBe(null)
})

test('a breaker opens after failures in a row, tries once, and closes after a success', () => {
  const breaker = new Breaker(parseBreaker('--breaker', '2 for 1s'))
  breaker.tell(true, 0)
  expect(breaker.allows(1)).toBe(true)
  breaker.tell(true, 10)
  expect(breaker.allows(999_999)).toBe(false)
  expect(breaker.allows(1_000_010)).toBe(true)
  expect(breaker.allows(1_000_011)).toBe(false)
  breaker.tell(false, 1_000_020)
  expect(breaker.allows(1_000_021)).toBe(true)
})
