/** The truth about each injected change, on the clock sent, so that a detector can be scored. Pure. */
import { canonicalJson } from '../trace/canonical.ts'
import { onsetsUs, type Drift } from './drift.ts'
import type { Plan } from './plan.ts'

/** @param sentClock from the clock on which drifts are written to the one sent */
export function driftEvents(
  drifts: readonly Drift[],
  spanUs: number,
  sentClock: (atUs: number) => number,
): Plan['events'] {
  return drifts
    .flatMap((drift) =>
      onsetsUs(drift, spanUs).map((onsetUs) => ({
        atUs: Math.round(sentClock(onsetUs)),
        kind: 'drift',
        detail: canonicalJson({
          ...drift.target,
          factor: drift.factor,
          shape: shapeOf(drift),
          completeUs: Math.round(sentClock(onsetUs + drift.overUs)),
          text: drift.text,
        }),
      })),
    )
    .toSorted((a, b) => a.atUs - b.atUs)
}

function shapeOf({ overUs, isGradual, everyUs }: Drift): string {
  if (everyUs !== null) return 'recurring'
  if (isGradual) return 'gradual'
  return overUs === 0 ? 'sudden' : 'incremental'
}
