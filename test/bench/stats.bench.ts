/**
 * `npm run bench stats [RUNS]`: do intervals cover as often as they say, and do gates decide rightly?
 * Prints and writes JSON. Everything is seeded.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { sequenceFor } from '../../src/base/random.ts'
import { buildReport } from '../../src/report/report.ts'
import { judgeBreach } from '../../src/report/breach-watch.ts'
import { judgeGate } from '../../src/report/gate.ts'
import { estimateQuantiles } from '../../src/stats/quantile-estimate.ts'
import { quantiles } from '../../src/stats/quantile.ts'
import { FAULT_CHECKS, FAULT_NAMES } from '../support/engine-faults.ts'
import { engineRun } from '../support/engine-run.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

const RUNS = Number(process.argv[2] ?? 400)
const draw = sequenceFor('7', 'stats bench')
const exponential = () => -Math.log(1 - draw())
const normal = () => Math.sqrt(2 * exponential()) * Math.cos(2 * Math.PI * draw())

function autoregressive(n: number, rho: number): Float64Array {
  const values = new Float64Array(n)
  let value = normal()
  for (let index = 0; index < n; index += 1) {
    values[index] = value
    value = rho * value + Math.sqrt(1 - rho * rho) * normal()
  }
  return values
}

/** Times in an M/M/1 queue, begun in its steady state: exponential with rate 1 − load. */
function queue(n: number, load: number): Float64Array {
  const values = new Float64Array(n)
  let waiting = draw() < 1 - load ? 0 : exponential() / (1 - load)
  for (let index = 0; index < n; index += 1) {
    const service = exponential()
    values[index] = waiting + service
    waiting = Math.max(0, waiting + service - exponential() / load)
  }
  return values
}

const QS = [0.5, 0.95, 0.99] as const
const NORMAL_QUANTILES = [0, 1.6448536269514722, 2.3263478740408408] as const

type Law = {
  name: string
  make: (n: number) => Float64Array
  truth: number[]
  /** Integrated autocorrelation time of the law itself, where it is known. */
  length: number
}

const laws: Law[] = [
  ...[0, 0.5, 0.9, 0.98].map((rho) => ({
    name: `AR(1) ρ ${rho}`,
    make: (n: number) => autoregressive(n, rho),
    truth: [...NORMAL_QUANTILES],
    length: (1 + rho) / (1 - rho),
  })),
  ...[0.7, 0.9, 0.95].map((load) => ({
    name: `M/M/1 load ${load}`,
    make: (n: number) => queue(n, load),
    truth: QS.map((q) => -Math.log(1 - q) / (1 - load)),
    length: (2 * load) / (1 - load) ** 2,
  })),
]

const coverage = [1_000, 10_000].flatMap((n) =>
  laws.map(({ name, make, truth, length }) => {
    const cells = QS.map(() => ({ said: 0, covered: 0 }))
    for (let run = 0; run < RUNS; run += 1) {
      estimateQuantiles(make(n), QS).quantiles.forEach((found, index) => {
        if (!found?.interval) return
        cells[index]!.said += 1
        const { low, high } = found.interval
        if (low <= truth[index]! && truth[index]! <= high) cells[index]!.covered += 1
      })
    }
    const shown = cells.map(({ said, covered }, index) => {
      const mayRefuse = (n / length) * (1 - QS[index]!) < 10 - 1e-9
      const share = said === 0 ? null : covered / said
      const misled = (said - covered) / RUNS
      return {
        q: QS[index]!,
        answered: said / RUNS,
        coverage: share,
        misled,
        may_refuse: mayRefuse,
      }
    })
    process.stdout.write(
      `coverage  ${name.padEnd(16)} n ${String(n).padEnd(6)} ${shown
        .map(
          (cell) =>
            `p${cell.q * 100} ${cell.coverage === null ? 'cannot say' : `${(100 * cell.coverage).toFixed(0)} % of ${(100 * cell.answered).toFixed(0)} %`}${cell.may_refuse ? ' (may refuse)' : ''}`,
        )
        .join(' · ')}\n`,
    )
    return { law: name, n, cells: shown }
  }),
)

/** Runs of 200 s at 20/s, looked at each second; beyond its limit is just the share that may be. */
const [ABORT_COUNT, ABORT_PER_SEC] = [4_000, 20]

function isEndedEarly(marks: Float64Array, allowed: number): boolean {
  const objective = { text: 'p', bound: { latency: null, limitUs: 0 }, allowed }
  const rules = { planned: ABORT_COUNT, perTrial: 5 * ABORT_PER_SEC, level: 0.01 }
  for (let due = ABORT_PER_SEC; due <= ABORT_COUNT; due += ABORT_PER_SEC) {
    if (judgeBreach(objective, marks.subarray(0, due), rules)?.rule === 'evidence') return true
  }
  return false
}

const aborts = laws.map(({ name, make, truth }) => {
  const shares = QS.map((q, index) => {
    let [met, ended] = [0, 0]
    for (let run = 0; run < RUNS; run += 1) {
      const marks = make(ABORT_COUNT).map((value) => (value > truth[index]! ? 1 : 0))
      if (marks.reduce((sum, mark) => sum + mark, 0) > (1 - q) * ABORT_COUNT) continue
      met += 1
      if (isEndedEarly(marks, 1 - q)) ended += 1
    }
    return { q, met, ended }
  })
  process.stdout.write(
    `abort     ${name.padEnd(16)} runs that met their objective, and were ended: ${shares.map(({ q, met, ended }) => `p${q * 100} ${ended} of ${met}`).join(' · ')}\n`,
  )
  return { law: name, shares }
})

const TOLERANCE = 0.1
/** One trace, replayed in every run: its queue is the same, requests differ a little, runs differ as a whole. */
const trace = queue(2_000, 0.7)
const REQUEST_NOISE = 0.2

function p99OfRun(shift: number, noise: number): number {
  const scale = (1 + shift) * Math.exp(noise * normal())
  const [p99 = 1] = quantiles(
    trace.map((value) => value * scale * Math.exp(REQUEST_NOISE * normal())),
    [0.99],
  )
  return p99
}

const gates = [0.03, 0.05, 0.07].flatMap((noise) =>
  [4, 6, 8, 12].map((runs) => {
    const shares = [0, TOLERANCE, 2 * TOLERANCE].map((shift) => {
      let regressions = 0
      for (let trial = 0; trial < RUNS; trial += 1) {
        const a = Array.from({ length: runs }, () => p99OfRun(0, noise))
        const b = Array.from({ length: runs }, () => p99OfRun(shift, noise))
        const { decision } = judgeGate({ tolerance: TOLERANCE, worseIsLower: false }, a, b)
        if (decision === 'regression') regressions += 1
      }
      return regressions / RUNS
    })
    process.stdout.write(
      `gate      p99 of a queue, noise ${(noise * 100).toFixed(0)} % · ${runs} runs a side · regression called at 0, T, 2T: ${shares.map((share) => `${(100 * share).toFixed(1)} %`).join(', ')}\n`,
    )
    return { noise, runs, called_at_0: shares[0], called_at_t: shares[1], called_at_2t: shares[2] }
  }),
)

/** Half good, half faulty in one of eleven ways, all against the simulated engine. */
const VERDICTS = 200
const counts = { good: 0, called_valid: 0, faulty: 0, objected: 0, by_the_right_check: 0 }
const wrong: string[] = []
for (let seed = 0; seed < VERDICTS; seed += 1) {
  const fault = seed % 2 === 0 ? null : FAULT_NAMES[((seed - 1) / 2) % FAULT_NAMES.length]!
  const { verdict } = await buildReport(unsavedTrace(engineRun(seed, fault)), null)
  const said = verdict.checks.filter(({ status }) => status === 'warn' || status === 'fail')
  const isValid = verdict.status === 'VALID'
  counts[fault === null ? 'good' : 'faulty'] += 1
  if (fault === null && isValid) counts.called_valid += 1
  if (fault !== null && !isValid) counts.objected += 1
  if (fault !== null && said.some(({ name }) => name === FAULT_CHECKS[fault])) {
    counts.by_the_right_check += 1
  }
  if (isValid === (fault === null)) continue
  wrong.push(
    `seed ${seed}, ${fault ?? 'good'}: ${said.map(({ name, says }) => `${name} (${says})`).join(', ') || verdict.status}`,
  )
}
const right = counts.called_valid + counts.objected
process.stdout.write(
  `verdict   right in ${right} of ${VERDICTS} seeded replays on the simulated engine: ${counts.called_valid} of ${counts.good} good ones VALID, ` +
    `${counts.objected} of ${counts.faulty} faulty ones not (${FAULT_NAMES.length} ways), ${counts.by_the_right_check} by the check that should\n${wrong.map((line) => `  wrong: ${line}\n`).join('')}`,
)

mkdirSync('bench-results', { recursive: true })
writeFileSync(
  'bench-results/stats.json',
  `${JSON.stringify({ runs: RUNS, coverage, aborts, gates, verdict: { right, of: VERDICTS, ...counts, wrong } }, null, 2)}\n`,
)
