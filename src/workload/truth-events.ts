/** The truth about each injected change, on the clock sent, so that a detector can be scored. Pure. */
import { TraceError } from '../base/errors.ts'
import { formatDuration } from '../base/format.ts'
import { canonicalJson } from '../trace/canonical.ts'
import type { Anomaly } from './anomaly.ts'
import { onsetsUs, type Drift } from './drift.ts'
import type { Plan } from './plan.ts'

type Truth = Plan['events'][number]

/** @throws TraceError BAD_OPTION for a change that no request would meet: its truth would be empty */
export function refuseLate(
  changes: readonly Readonly<{ atUs: number; text: string }>[],
  spanUs: number,
): void {
  const late = changes.find(({ atUs }) => atUs > spanUs)
  if (late === undefined) return
  throw new TraceError(
    'BAD_OPTION',
    `'${late.text}' begins after the last request, at ${formatDuration(spanUs)}`,
    { hint: 'Times are into the replay, after --speed and before drift of the rate.' },
  )
}

/** @param sentClock from the clock on which changes are written to the one sent */
export function truthEvents(
  { drifts, anomalies }: Readonly<{ drifts: readonly Drift[]; anomalies: readonly Anomaly[] }>,
  spanUs: number,
  sentClock: (atUs: number) => number,
): Truth[] {
  const sentUs = (atUs: number) => Math.round(sentClock(atUs))
  return [
    ...drifts.flatMap((drift) => driftEvents(drift, spanUs, sentUs)),
    ...anomalies
      .filter(({ atUs }) => atUs <= spanUs)
      .map((anomaly) => anomalyEvent(anomaly, sentUs)),
  ].toSorted((a, b) => a.atUs - b.atUs)
}

function driftEvents(drift: Drift, spanUs: number, sentUs: (atUs: number) => number): Truth[] {
  return onsetsUs(drift, spanUs).map((onsetUs) => ({
    atUs: sentUs(onsetUs),
    kind: 'drift',
    detail: canonicalJson({
      ...drift.target,
      factor: drift.factor,
      shape: shapeOf(drift),
      completeUs: sentUs(onsetUs + drift.overUs),
      text: drift.text,
    }),
  }))
}

function anomalyEvent(anomaly: Anomaly, sentUs: (atUs: number) => number): Truth {
  const { kind, factor, tenant, share, atUs, forUs, text } = anomaly
  const endUs = sentUs(atUs + forUs)
  const detail = canonicalJson({ what: kind, factor, tenant, share, endUs, text })
  return { atUs: sentUs(atUs), kind: 'anomaly', detail }
}

function shapeOf({ overUs, isGradual, everyUs }: Drift): string {
  if (everyUs !== null) return 'recurring'
  if (isGradual) return 'gradual'
  return overUs === 0 ? 'sudden' : 'incremental'
}
