/** What one check of a run found, and the small ways of saying so. Pure. */
import { formatCount, formatDuration, formatShare, significant } from '../base/format.ts'

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

/**
 * Passes up to `warnAbove`, fails above `failAbove`; what does not pass says which limit it broke.
 *
 * @param of what of `says` the limit is of, where that tells several numbers
 */
export function atMost(
  value: number,
  limits: Readonly<{ warnAbove: number; failAbove?: number }>,
  unit: string,
  says: string,
  of: string | null = null,
): Finding {
  const { warnAbove, failAbove = Number.POSITIVE_INFINITY } = limits
  const status = value > failAbove ? 'fail' : value > warnAbove ? 'warn' : 'pass'
  const broken = status === 'fail' ? failAbove : warnAbove
  const told = status === 'pass' ? says : withLimit(says, limitText(broken, unit), of)
  return { status, value, limit: warnAbove, unit, says: told }
}

/** 'lag p99 269 ms (limit 5 ms)'; a clause that ends with a bracket gets it inside that one. */
export function withLimit(says: string, limit: string, of: string | null = null): string {
  const text = `${of === null ? '' : `${of} `}limit ${limit}`
  return says.endsWith(')') ? `${says.slice(0, -1)}; ${text})` : `${says} (${text})`
}

function limitText(limit: number, unit: string): string {
  if (unit === 'us') return formatDuration(limit)
  if (unit.startsWith('share')) return formatShare(limit, limit < 0.01 ? 1 : 0)
  return unit === 'KS' ? significant(limit, 2) : formatCount(limit)
}
