/** Finds the arrival process that is most like given arrivals, by trying each and looking. Pure. */
import { sequenceFor } from '../base/random.ts'
import { autocorrelation, countsPerWindow, dispersionIndex, gapsOf } from '../stats/arrivals.ts'
import { ksDistance } from '../stats/distance.ts'
import { fitGaps } from '../stats/fit.ts'
import { describe } from '../stats/moments.ts'
import { arrivals, type ArrivalProcess } from './arrival-process.ts'

/** How far arrivals of a model are from real ones. NaN where the span is too short to say. */
export type ArrivalDistance = Readonly<{
  /** Kolmogorov–Smirnov distance of the gaps. */
  gapKs: number
  /** Index of dispersion at 1, 10 and 60 s: real and of the model. */
  dispersion: readonly Readonly<{ windowUs: number; real: number; model: number }>[]
  /** Autocorrelation of counts per second, one second apart. */
  memory: Readonly<{ real: number; model: number }>
}>

const WINDOWS_US = [1e6, 10e6, 60e6] as const
const FEWEST_WINDOWS = 20

export function arrivalDistance(real: Float64Array, model: Float64Array): ArrivalDistance {
  const spanUs = Math.min(spanOf(real), spanOf(model))
  return {
    gapKs: ksDistance(gapsOf(real), gapsOf(model)),
    dispersion: WINDOWS_US.filter((windowUs) => spanUs >= FEWEST_WINDOWS * windowUs).map(
      (windowUs) => ({
        windowUs,
        real: dispersionIndex(real, windowUs),
        model: dispersionIndex(model, windowUs),
      }),
    ),
    memory: { real: memoryOf(real), model: memoryOf(model) },
  }
}

function spanOf(dueUs: Float64Array): number {
  return (dueUs.at(-1) ?? 0) - (dueUs[0] ?? 0)
}

function memoryOf(dueUs: Float64Array): number {
  return autocorrelation(countsPerWindow(dueUs, 1e6), 1)
}

/** Fewer arrivals fit anything. */
const FEWEST_ARRIVALS = 50
/** Gaps that vary less are a beat. */
const LARGEST_BEAT_CV = 0.1
/** Seeds of the trial runs: a process is judged by its mean over them. */
const TRIALS = ['fit a', 'fit b', 'fit c']

/**
 * @param dueUs ascending
 * @param durationUs from 0, the time that the process is to fill
 */
export function fitProcess(dueUs: Float64Array, durationUs: number): ArrivalProcess {
  const rate = Math.max(1, dueUs.length) / (durationUs / 1e6)
  if (dueUs.length < FEWEST_ARRIVALS) return { process: 'poisson', rate }
  if (describe(gapsOf(dueUs)).cv < LARGEST_BEAT_CV) return { process: 'constant', rate }
  const scored = candidates(dueUs, rate).map((process) => ({
    process,
    score: scoreOf(process, dueUs, durationUs),
  }))
  return scored.reduce((best, next) => (next.score < best.score ? next : best)).process
}

function candidates(dueUs: Float64Array, rate: number): ArrivalProcess[] {
  const found: ArrivalProcess[] = [{ process: 'poisson', rate }]
  const gaps = gapsOf(dueUs)
  const fit = fitGaps(gaps)
  if (fit !== null) {
    found.push({ process: 'gamma', rate, cv: 1 / Math.sqrt(fit.gamma_shape) })
    found.push({ process: 'weibull', rate, shape: fit.weibull_shape })
  }
  const { cv } = describe(gaps)
  if (cv > 1.05) found.push({ process: 'gamma', rate, cv })
  return [...found, ...modulated(dueUs, rate)]
}

function scoreOf(process: ArrivalProcess, dueUs: Float64Array, durationUs: number): number {
  const scores = TRIALS.map((seed) => {
    const trial = arrivals(process, durationUs / 1e6, sequenceFor(seed, 'arrivals'))
    const model = Float64Array.from(trial, (atSec) => atSec * 1e6)
    if (model.length < FEWEST_ARRIVALS) return Infinity
    const { gapKs, dispersion, memory } = arrivalDistance(dueUs, model)
    const logs = dispersion.map(({ real, model: seen }) => Math.abs(Math.log(seen / real)))
    const spread = logs.reduce((sum, log) => sum + log, 0) / Math.max(1, logs.length)
    return gapKs + spread / 2 + Math.abs(memory.real - memory.model) / 4
  })
  return scores.reduce((sum, score) => sum + score, 0) / scores.length
}

/** Shares of time in the busy state that are tried, of the largest that the rate allows. */
const SHARES = [1, 0.7, 0.4, 0.2, 0.1] as const

/**
 * Two-state modulated Poisson processes whose index of dispersion follows the real one's:
 * IDC(w) = 1 + K·(1 − (1 − e^(−sw))/(sw)) with s the sum of the two leaving rates. With the busy
 * state's share p, the rates differ by d = √(K·s·rate / (2p(1 − p))).
 */
function modulated(dueUs: Float64Array, rate: number): ArrivalProcess[] {
  const seen = WINDOWS_US.filter((windowUs) => spanOf(dueUs) >= FEWEST_WINDOWS * windowUs).map(
    (windowUs) => ({ sec: windowUs / 1e6, excess: dispersionIndex(dueUs, windowUs) - 1 }),
  )
  if (seen.length < 2 || !seen.some(({ excess }) => excess > 0.1)) return []
  return [speedAlike(seen), speedAlike(seen.slice(0, 2)), speedAlike(seen.slice(-2))].flatMap(
    ({ k, s }) => {
      if (!(k > 0)) return []
      const largest = Math.min(0.9, (2 * rate) / (k * s + 2 * rate))
      return SHARES.map((part): ArrivalProcess => {
        const share = largest * part
        const apart = Math.sqrt((k * s * rate) / (2 * share * (1 - share)))
        const quiet = Math.max(0, rate - share * apart)
        return {
          process: 'mmpp',
          states: [
            { rate: quiet + apart, staySec: 1 / (s * (1 - share)) },
            { rate: quiet, staySec: 1 / (s * share) },
          ],
        }
      })
    },
  )
}

/** The s on a grid, and the K for it, that come nearest to the logarithms of the seen excess. */
function speedAlike(seen: readonly Readonly<{ sec: number; excess: number }>[]): {
  k: number
  s: number
} {
  let best = { k: 0, s: 1, off: Infinity }
  for (let exponent = -3; exponent <= 1; exponent += 0.05) {
    const s = 10 ** exponent
    const shapes = seen.map(({ sec }) => 1 - (1 - Math.exp(-s * sec)) / (s * sec))
    const ratios = seen.map(({ excess }, index) =>
      Math.log(Math.max(0.01, excess) / shapes[index]!),
    )
    const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length
    const off = ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0)
    if (off < best.off) best = { k: Math.exp(mean), s, off }
  }
  return best
}
