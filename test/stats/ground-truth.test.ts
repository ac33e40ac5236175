/** The definitions, held against figures that another program computed for public traces. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  autocorrelation,
  countsPerWindow,
  dispersionIndex,
  gapsOf,
} from '../../src/stats/arrivals.ts'
import { pearson, spearman } from '../../src/stats/correlation.ts'
import { fitGaps } from '../../src/stats/fit.ts'
import { describe } from '../../src/stats/moments.ts'
import { quantiles } from '../../src/stats/quantile.ts'

const TRACE = '../shared/traces/azure-llm-2023/AzureLLMInferenceTrace_code.csv'
const TRUTH = '../shared/research/ground_truth.json'

type Figures = Readonly<Record<string, number>>

test.skipIf(!existsSync(TRACE) || !existsSync(TRUTH))(
  'every figure of the Azure 2023 code trace is met (skipped: that trace is not beside the repository)',
  () => {
    const truth = JSON.parse(readFileSync(TRUTH, 'utf8')).set1.azure2023_code
    const rows = readFileSync(TRACE, 'utf8').trim().split('\n').slice(1)
    const cells = rows.map((row) => row.trim().split(','))
    const atUs = Float64Array.from(cells, ([stamp = '']) => microseconds(stamp))
    const sorted = atUs.toSorted()
    const input = Float64Array.from(cells, (row) => Number(row[1]))
    const output = Float64Array.from(cells, (row) => Number(row[2]))
    const fit = fitGaps(gapsOf(sorted).map((gap) => gap / 1e6))!
    expect([
      ...missed(arrivalsOf(sorted), truth.arrivals),
      ...missed(fit, truth.arrivals.fit_on_positive_iat),
      ...missed(sizesOf(input), truth.input),
      ...missed(sizesOf(output), truth.output),
      ...missed({ pearson: pearson(input, output), spearman: spearman(input, output) }, truth.corr),
    ]).toEqual([])
  },
)

function microseconds(stamp: string): number {
  const [date = '', fraction = ''] = stamp.split('.')
  return (
    Date.parse(`${date.replace(' ', 'T')}Z`) * 1_000 + Math.round(Number(`0.${fraction}`) * 1e6)
  )
}

function arrivalsOf(sorted: Float64Array): Figures {
  const gaps = describe(gapsOf(sorted))
  const counts = countsPerWindow(sorted, 10_000_000)
  return {
    n: sorted.length,
    duration_s: (sorted.at(-1)! - sorted[0]!) / 1e6,
    iat_cv: gaps.cv,
    iat_mean: gaps.mean / 1e6,
    iat_sd: gaps.sd / 1e6,
    idc_1s: dispersionIndex(sorted, 1_000_000),
    idc_10s: dispersionIndex(sorted, 10_000_000),
    idc_60s: dispersionIndex(sorted, 60_000_000),
    idc_600s: dispersionIndex(sorted, 600_000_000),
    peak_10s: describe(counts).max,
    acf1_10s: autocorrelation(counts, 1),
  }
}

function sizesOf(values: Float64Array): Figures {
  const { n, mean, sd, min, max, sum, cv } = describe(values)
  const [p50 = 0, p90 = 0, p95 = 0, p99 = 0] = quantiles(values, [0.5, 0.9, 0.95, 0.99])
  return { n, mean, sd, min, max, sum, cv, p50, p90, p95, p99 }
}

/** The other program searched for the Weibull law's shape and stopped this close to it. */
const WEIBULL_TOLERANCE = 1e-3

/** Figures off by more than a millionth, or that the truth does not have. */
function missed(ours: Figures, truth: Figures): string[] {
  return Object.entries(ours)
    .filter(([name, value]) => {
      const tolerance = name.includes('weibull') ? WEIBULL_TOLERANCE : 1e-6
      return !(Math.abs(value - truth[name]!) <= tolerance * Math.abs(truth[name]!))
    })
    .map(([name, value]) => `${name}: ${value}, not ${truth[name]}`)
}
