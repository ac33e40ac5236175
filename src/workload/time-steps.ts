/** The steps of a plan that move instants. Pure. */
import { TraceError } from '../base/errors.ts'
import { coarseQuantumUs, spread } from './dequantise.ts'
import type { Drift } from './drift.ts'
import { shake } from './jitter.ts'
import { shortenGaps } from './max-gap.ts'
import type { WorkloadOptions } from './options.ts'
import { resizeColumns } from './plan-columns.ts'
import type { PlanDraft } from './plan-draft.ts'
import { rampClock } from './ramp.ts'
import { driftCurve, warp, warpClock, type RateCurve } from './rate-warp.ts'
import { putInSendingOrder } from './sending-order.ts'
import { spaceTurns } from './session-gaps.ts'
import { keepSessionOrder } from './session-order.ts'
import { pickShard } from './shard.ts'
import { speedUp } from './speed.ts'

/** dequantise → max-gap */
export function straightenTimes(draft: PlanDraft, options: WorkloadOptions): void {
  const { isDequantised, maxGapUs } = options
  const quantumUs = isDequantised ? coarseQuantumUs(draft.columns.dueUs) : null
  if (quantumUs !== null) {
    draft.settle({ dueUs: spread(draft.columns, quantumUs, draft.drawOf('dequantise')) })
    draft.take('dequantise', { quantumUs })
  }
  if (maxGapUs !== null) {
    draft.take('max gap', { maxGapUs }, { dueUs: shortenGaps(draft.columns.dueUs, maxGapUs) })
  }
}

export function changeSpeed(draft: PlanDraft, { speed, sessionGaps }: WorkloadOptions): void {
  if (speed === 1 && sessionGaps !== 'asap') return
  const { columns } = draft
  draft.settle(spaceTurns(columns, speedUp(columns.dueUs, speed), speed, sessionGaps))
  draft.take('speed', { speed, sessionGaps })
}

/** Drift of the rate, then a ramp: both warp the clock, and the truth about drift with it. */
export function warpRate(
  draft: PlanDraft,
  options: WorkloadOptions,
  curve: RateCurve | null,
): void {
  const drifts = options.drifts.filter(
    ({ target }) => target.what === 'rate' && target.by === 'warp',
  )
  if (drifts.length > 0) {
    draft.sentClock = warpClock(driftCurve(drifts, draft.writtenSpanUs))
    draft.take(
      'rate drift',
      { drifts: texts(drifts) },
      {
        dueUs: warp(draft.columns.dueUs, draft.sentClock),
      },
    )
  }
  const ramp = curve ?? options.ramp
  if (ramp === null) return
  const before = draft.sentClock
  const clock = rampClock(ramp)
  draft.sentClock = (atUs) => clock(before(atUs))
  draft.take(
    'ramp',
    { atUs: [...ramp.atUs], factor: [...ramp.factor] },
    {
      dueUs: warp(draft.columns.dueUs, clock),
    },
  )
}

/** jitter → session order: rows stay in the order of the source. */
export function blur(draft: PlanDraft, { jitter }: WorkloadOptions): void {
  if (jitter.widthUs > 0) {
    const dueUs = shake(draft.columns, jitter, draft.drawOf('jitter'))
    draft.take('jitter', { ...jitter }, { dueUs })
  }
  const dueUs = keepSessionOrder(draft.columns, draft.sessions.length)
  if (dueUs !== draft.columns.dueUs) draft.take('session order', {}, { dueUs })
}

/** Sending order, in shared memory, cut at the limits. */
export function finish(draft: PlanDraft, { limit, durationUs }: WorkloadOptions): void {
  const { columns } = draft
  putInSendingOrder(columns)
  if (limit === null && durationUs === null) return
  const endUs = durationUs ?? Infinity
  let count = Math.min(limit ?? Infinity, columns.dueUs.length)
  while (count > 0 && columns.dueUs[count - 1]! >= endUs) count -= 1
  if (count === 0) {
    throw new TraceError('EMPTY_WINDOW', 'no request is due within --duration')
  }
  draft.take('limit', { limit, durationUs }, resizeColumns(columns, count))
}

/** The digest of the whole plan was taken before. */
export function takeShard(draft: PlanDraft, { shard }: WorkloadOptions): void {
  if (shard === null) return
  const columns = pickShard(draft.columns, shard)
  if (columns.dueUs.length === 0) {
    throw new TraceError('EMPTY_WINDOW', `nothing falls to shard ${shard.index + 1}/${shard.count}`)
  }
  draft.take('shard', { ...shard }, columns)
}

export function texts(drifts: readonly Pick<Drift, 'text'>[]): string[] {
  return drifts.map(({ text }) => text)
}
