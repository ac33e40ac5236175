/** The steps of a plan that change who is in it: loops, more or fewer users, silences. Pure. */
import { TraceError } from '../base/errors.ts'
import type { WorkloadOptions } from './options.ts'
import type { PlanDraft } from './plan-draft.ts'
import { outsideSilence } from './row-drift.ts'
import { texts } from './time-steps.ts'
import { largestFactor, unitFactor, userChanges } from './user-drift.ts'
import { constantFactor, copyOrders } from './user-scale.ts'
import { tenantUnits, userUnits } from './user-units.ts'

/** The distance of two loops where one row says nothing about a rate. */
const LONE_PERIOD_US = 1_000_000

/** The window again and again, one mean gap after its last request; sessions and contexts are new. */
export function repeat(draft: PlanDraft, { loop }: WorkloadOptions): void {
  if (loop === 1) return
  const { dueUs } = draft.columns
  const count = dueUs.length
  const spanUs = dueUs.at(-1)!
  const periodUs = count === 1 ? LONE_PERIOD_US : Math.round(spanUs + spanUs / (count - 1))
  const rows = new Uint32Array(count).map((_, row) => row)
  const orders = Array.from({ length: loop }, (_, copy) => ({
    copy,
    shiftOf: () => copy * periodUs,
    rows,
  }))
  draft.copy(userUnits(draft.columns, draft.blocks, draft.sessions.length), orders)
  draft.take('loop', { loop, periodUs })
}

/** More users by superposing, fewer by thinning whole sessions or whole tenants. */
export function scaleUsers(draft: PlanDraft, { rateScale }: WorkloadOptions): void {
  const { factor, by } = rateScale
  if (factor === 1) return
  const { columns, blocks, sessions, shapes } = draft
  const tenants = shapes.map(({ tenant }) => tenant)
  if (by === 'tenants' && tenants.every((tenant) => tenant === null)) {
    throw new TraceError('BAD_OPTION', '--rate-scale …:tenants: the trace names no tenant', {
      hint: 'Without :tenants whole sessions go.',
    })
  }
  const users = userUnits(columns, blocks, sessions.length)
  const units = by === 'tenants' ? tenantUnits(columns, tenants, users) : users
  const choose = constantFactor(columns, units, factor, draft.drawOf('rate scale choice'))
  const copies = Math.ceil(factor)
  const orders = copyOrders(columns, units, choose, copies, draft.drawOf('rate scale'))
  draft.copy(units, orders)
  if (draft.columns.dueUs.length === 0) {
    throw new TraceError('EMPTY_WINDOW', `--rate-scale ${factor}x leaves no whole session`)
  }
  draft.take('rate scale', { factor, by })
}

/** Drift of users, of the mix, bursts and tenants gone wild; then silences. */
export function changeUsers(draft: PlanDraft, { drifts, anomalies }: WorkloadOptions): void {
  const changes = userChanges(drifts, anomalies)
  if (changes.length > 0) {
    const { columns, blocks, sessions, shapes } = draft
    const factor = unitFactor(columns, shapes, changes)
    if (factor === null) {
      throw new TraceError(
        'BAD_OPTION',
        'a --drift or --anomaly names a tenant or model that is not there',
        {
          hint: '`trace inspect FILE --json` lists them.',
        },
      )
    }
    const units = userUnits(columns, blocks, sessions.length)
    const copies = largestFactor(changes)
    draft.copy(units, copyOrders(columns, units, factor, copies, draft.drawOf('user drift')))
    draft.take('user drift', { changes: texts(changes) })
  }
  const silences = anomalies.filter(({ kind }) => kind === 'silence')
  if (silences.length === 0) return
  draft.keepRows(outsideSilence(draft.columns.dueUs, silences), 'in a silence')
  if (draft.columns.dueUs.length === 0) {
    throw new TraceError('EMPTY_WINDOW', 'a silence covers the whole window')
  }
  draft.take('silence', { anomalies: texts(silences) })
}
