/** Arrivals in words. Pure. */
import { formatDuration, formatShare, plural, significant } from '../base/format.ts'
import type { ArrivalFigures } from './arrival-figures.ts'
import { joined, labelled } from './words.ts'

/** IDC against 1, the Poisson process's, and over growing windows: a rising curve is a rate that moves. */
export function arrivalLines(arrivals: ArrivalFigures): string[] {
  if (arrivals.iat_cv === null) return []
  const windows = [1, 10, 60].filter((seconds) => arrivals[`idc_${seconds}s`] !== undefined)
  const idc = windows.map((seconds) => significant(arrivals[`idc_${seconds}s`] ?? 0, 3))
  const gaps = arrivals.long_gaps
  return [
    labelled(
      'arrivals',
      joined([
        `CV ${significant(arrivals.iat_cv, 3)}`,
        windows.length > 0 && `IDC ${idc.join(' / ')} at ${windows.join(' / ')} s`,
      ]) + `: ${characterOf(arrivals)}`,
    ),
    ...(gaps.count > 0 && arrivals.iat_cv_without_long_gaps !== null
      ? [
          labelled(
            '',
            joined([
              `${plural(gaps.count, 'pause')} of 10 s and more (${formatShare(gaps.idle_share, 0)} of the span)`,
              `CV ${significant(arrivals.iat_cv_without_long_gaps, 3)} without them`,
            ]),
          ),
        ]
      : []),
    labelled(
      '',
      joined([
        `timestamps to ${quantumText(arrivals.quantum_us)}`,
        `${formatShare(arrivals.iat_zero_frac ?? 0)} arrive together with the one before`,
      ]),
    ),
    ...fitLines(arrivals),
  ]
}

function characterOf(arrivals: ArrivalFigures): string {
  const cv = arrivals.iat_cv ?? 0
  const [short, long] = [arrivals['idc_1s'] ?? 1, arrivals['idc_60s'] ?? arrivals['idc_10s'] ?? 1]
  const shape =
    (arrivals.iat_zero_frac ?? 0) > 0.3
      ? 'in batches'
      : cv < 0.7
        ? 'regular'
        : cv <= 1.15 && short < 1.5
          ? 'like a Poisson process'
          : 'bursty'
  return long > 3 * Math.max(short, 1) ? `${shape}, and the rate itself drifts` : shape
}

/** A law fitted to fewer gaps says more about chance. */
const MIN_FITTED = 100

function fitLines({ fit_on_positive_iat: fit }: ArrivalFigures): string[] {
  if (fit === null || fit.n < MIN_FITTED) return []
  const laws = [
    { name: 'exponential', ks: fit.ks_exp },
    { name: `Gamma, shape ${significant(fit.gamma_shape, 3)}`, ks: fit.ks_gamma },
    { name: `Weibull, shape ${significant(fit.weibull_shape, 3)}`, ks: fit.ks_weibull },
    { name: `log-normal, σ ${significant(fit.lognorm_sigma, 3)}`, ks: fit.ks_lognorm },
  ].toSorted((a, b) => a.ks - b.ks)
  const [best, next] = laws
  if (!best || !next) return []
  return [
    labelled(
      '',
      `gaps nearest to ${best.name} (KS ${best.ks.toFixed(3)}), then ${next.name} (${next.ks.toFixed(3)})`,
    ),
  ]
}

/** Below a millisecond in whole µs: '1 µs', not '0.001 ms'. */
function quantumText(us: number): string {
  return us < 1_000 ? `${us} µs` : formatDuration(us)
}
