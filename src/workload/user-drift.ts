/** Drift of who comes: users, tenants and models become more or fewer on the way. Pure. */
import { isDuring, type Anomaly } from './anomaly.ts'
import { driftFactor, type Drift } from './drift.ts'
import type { PlanColumns, RequestShape } from './plan.ts'
import type { UnitFactor } from './user-scale.ts'

/** One change of the number of users: of all, or of those that `matches` says. */
export type UserChange = Readonly<{
  matches: (shape: RequestShape) => boolean
  factorAt: (atUs: number) => number
  /** The others make room, so that the rate of all stays. */
  isMix: boolean
  largest: number
  text: string
}>

export function userChanges(drifts: readonly Drift[], anomalies: readonly Anomaly[]): UserChange[] {
  return [...drifts.flatMap(fromDrift), ...anomalies.flatMap(fromAnomaly)]
}

function fromDrift(drift: Drift): UserChange[] {
  const { target } = drift
  const factorAt = (atUs: number) => driftFactor(drift, atUs)
  const largest = Math.max(1, drift.factor)
  const { text } = drift
  if (target.what === 'rate' && target.by === 'users') {
    return [{ matches: () => true, factorAt, isMix: false, largest, text }]
  }
  if (target.what !== 'mix') return []
  const matches = (shape: RequestShape) => shape[target.of] === target.name
  return [{ matches, factorAt, isMix: true, largest, text }]
}

function fromAnomaly(anomaly: Anomaly): UserChange[] {
  if (anomaly.kind !== 'burst' && anomaly.kind !== 'wild') return []
  return [
    {
      matches: ({ tenant }) => anomaly.kind === 'burst' || tenant === anomaly.tenant,
      factorAt: (atUs) => (isDuring(anomaly, atUs) ? anomaly.factor : 1),
      isMix: false,
      largest: Math.max(1, anomaly.factor),
      text: anomaly.text,
    },
  ]
}

/**
 * All changes together, as a factor for each unit. A mix multiplies its share p by f and divides all
 * by f·p + 1 − p, so that the expected rate stays.
 *
 * @returns null for a change that matches no row: its name is wrong
 */
export function unitFactor(
  { shape }: PlanColumns,
  shapes: readonly RequestShape[],
  changes: readonly UserChange[],
): UnitFactor | null {
  const matched = changes.map((change) => shapes.map(change.matches))
  const shares = matched.map((isMatch) => {
    let count = 0
    for (const index of shape) if (isMatch[index] === true) count += 1
    return count / shape.length
  })
  if (shares.includes(0)) return null
  return (row, atUs) =>
    changes.reduce((product, { factorAt, isMix }, index) => {
      const factor = factorAt(atUs)
      const share = shares[index]!
      const all = isMix ? factor * share + 1 - share : 1
      return (product * (matched[index]![shape[row]!] === true ? factor : 1)) / all
    }, 1)
}

/** Copies of the load that are laid over each other at most. */
export function largestFactor(changes: readonly UserChange[]): number {
  return Math.ceil(changes.reduce((product, change) => product * change.largest, 1))
}
