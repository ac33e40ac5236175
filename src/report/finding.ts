/** What one check of a run found, and the small ways of saying so. Pure. */

/** `unmeasured`: the trace does not hold what the check needs. */
export type FindingStatus = 'pass' | 'warn' | 'fail' | 'unmeasured'

export type Finding = Readonly<{
  status: FindingStatus
  /** What was seen, in the unit of `limit`; null where nothing was. */
  value: number | null
  limit: number | null
  unit: string
  /** One clause for the verdict's line. */
  says: string
}>

export function unmeasured(says: string): Finding {
  return { status: 'unmeasured', value: null, limit: null, unit: '', says }
}

/** Passes up to `warnAbove`, fails above `failAbove`. */
export function atMost(
  value: number,
  limits: Readonly<{ warnAbove: number; failAbove?: number }>,
  unit: string,
  says: string,
): Finding {
  const { warnAbove, failAbove = Number.POSITIVE_INFINITY } = limits
  const status = value > failAbove ? 'fail' : value > warnAbove ? 'warn' : 'pass'
  return { status, value, limit: warnAbove, unit, says }
}
