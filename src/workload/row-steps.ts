/** The steps of a plan that change single requests: sizes, prefixes, hang-ups. Pure. */
import { TraceError } from '../base/errors.ts'
import type { Drift } from './drift.ts'
import type { WorkloadOptions } from './options.ts'
import type { PlanDraft } from './plan-draft.ts'
import { driftHangUps, hasHangUps, loosenPrefixes, oversize } from './row-drift.ts'
import { fitLeaves, outlastHangUps, scaleSizes } from './size-drift.ts'
import { texts } from './time-steps.ts'

export function changeRows(draft: PlanDraft, options: WorkloadOptions): void {
  const driftsOf = (what: Drift['target']['what']) =>
    options.drifts.filter(({ target }) => target.what === what)
  driftInput(draft, driftsOf('input'))
  driftOutput(draft, driftsOf('output'))
  const prefix = driftsOf('prefix')
  if (prefix.length > 0) {
    const leaf = loosenPrefixes(
      draft.columns,
      draft.writtenUs,
      prefix,
      draft.drawOf('drift prefix'),
    )
    draft.take('prefix drift', { drifts: texts(prefix) }, { leaf })
  }
  const hangUps = driftsOf('hangups')
  if (hangUps.length > 0) {
    if (!hasHangUps(draft.columns)) {
      throw new TraceError('BAD_OPTION', '--drift hangups: nobody hangs up in this window', {
        hint: 'A share of nothing cannot grow; take another window or leave the drift out.',
      })
    }
    const draw = draft.drawOf('drift hangups')
    draft.take(
      'hang-up drift',
      { drifts: texts(hangUps) },
      driftHangUps(draft.columns, draft.writtenUs, hangUps, draw),
    )
  }
  const oversized = options.anomalies.filter(({ kind }) => kind === 'oversized')
  if (oversized.length > 0) {
    const draw = draft.drawOf('oversized')
    const promptTokens = oversize(draft.columns, draft.writtenUs, oversized, draw)
    draft.take('oversized prompts', { anomalies: texts(oversized) }, { promptTokens })
  }
}

function driftInput(draft: PlanDraft, drifts: readonly Drift[]): void {
  if (drifts.length === 0) return
  const { columns, blocks, writtenUs } = draft
  const draw = draft.drawOf('drift input')
  const promptTokens = scaleSizes(columns.promptTokens, columns, writtenUs, drifts, draw)
  const leaf = fitLeaves({ ...columns, promptTokens }, blocks)
  draft.take('input drift', { drifts: texts(drifts) }, { promptTokens, leaf })
}

function driftOutput(draft: PlanDraft, drifts: readonly Drift[]): void {
  if (drifts.length === 0) return
  const { columns, writtenUs } = draft
  const draw = draft.drawOf('drift output')
  const scaled = scaleSizes(columns.outputTokens, columns, writtenUs, drifts, draw)
  const outputTokens = outlastHangUps({ ...columns, outputTokens: scaled })
  draft.take('output drift', { drifts: texts(drifts) }, { outputTokens })
}
