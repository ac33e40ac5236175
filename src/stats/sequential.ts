/** Tests that may be looked at after every observation without losing their level. Pure. */
import { logBetaI, logGamma } from './special.ts'

/** Prior weight of the mixture, in observations: how soon it follows the data. */
const PRIOR_COUNT = 2
/** The mixture's centre: a share this many times the allowed one. */
const CENTRE = 4
/** Above it the centre stays: an allowed share of one half has no fourfold. */
const HIGHEST_CENTRE = 0.75

/**
 * Evidence that events happen more often than they may: the likelihood of k events in n trials under a
 * Beta mixture of all shares above `allowed`, over that under `allowed` itself. While the share is
 * `allowed` or less this is a supermartingale that starts at 1, so the chance that it ever exceeds 1/α
 * is at most α, however often one looks (Ville's inequality; mixtures after Robbins 1970, Annals of
 * Mathematical Statistics 41:5; Howard, Ramdas, McAuliffe and Sekhon 2021, Annals of Statistics 49:2).
 *
 * @param events k, may be fractional where trials depend on each other and count for less than one
 * @param trials n >= k
 * @param allowed share in (0, 1)
 * @returns natural logarithm of the evidence
 */
export function logExcessEvidence(events: number, trials: number, allowed: number): number {
  const centre = Math.max(
    Math.min(CENTRE * allowed, HIGHEST_CENTRE),
    Math.min(1 - 1e-9, (1 + allowed) / 2 - 0.25),
  )
  const a = centre * PRIOR_COUNT
  const b = (1 - centre) * PRIOR_COUNT
  const misses = trials - events
  return (
    logAbove(allowed, a + events, b + misses) -
    logAbove(allowed, a, b) -
    events * Math.log(allowed) -
    misses * Math.log1p(-allowed)
  )
}

/** Log of the integral of p^(a−1)·(1−p)^(b−1) from `from` to 1. */
function logAbove(from: number, a: number, b: number): number {
  const logBeta = logGamma(a) + logGamma(b) - logGamma(a + b)
  return logBeta + logBetaI(b, a, 1 - from)
}
