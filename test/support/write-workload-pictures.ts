/** Draws the pictures of docs/workload.md from the code itself: `node test/support/write-workload-pictures.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { sequenceFor } from '../../src/base/random.ts'
import { areaY, chart, gridY, lineY } from '../../src/report/chart.ts'
import { arrivals } from '../../src/workload/arrival-process.ts'
import { buildPlan } from '../../src/workload/build-plan.ts'
import { driftFactor, parseDrift } from '../../src/workload/drift.ts'
import { loadSeries } from '../../src/workload/load-series.ts'
import { plainWorkload } from '../../src/workload/options.ts'
import { demandTrace } from './demand-trace.ts'

const FOLDER = 'docs/pictures'
const COLOURS: Readonly<Record<string, string>> = { '--one': '#4269d0', '--two': '#d9622b' }

/** A picture that stands alone: colours are fixed, and so is the ground. */
function write(name: string, svg: string): void {
  const fixed = svg
    .replaceAll(/var\((--\w+)\)/g, (_, variable: string) => COLOURS[variable] ?? '#555')
    .replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" color="#333" ')
    .replace('background:none', 'background:white')
  writeFileSync(`${FOLDER}/${name}.svg`, `${fixed}\n`)
}

function drifts(): void {
  const shapes = [
    ['sudden', 'x2 at 10m'],
    ['incremental', 'x2 at 10m over 10m'],
    ['gradual', 'x2 at 10m over 10m gradual'],
    ['recurring', 'x2 at 10m every 10m over 1m'],
  ] as const
  for (const [name, text] of shapes) {
    const drift = parseDrift('--drift', `rate=${text}`)
    const points = Array.from({ length: 481 }, (_, step) => ({
      minute: step / 12,
      factor: driftFactor(drift, step * 5e6),
    }))
    const marks = [
      gridY(),
      lineY(points, { x: 'minute', y: 'factor', stroke: 'var(--one)', strokeWidth: 2 }),
    ]
    const y = { label: '↑ factor', domain: [0.9, 2.1] as [number, number], ticks: [1, 1.5, 2] }
    write(
      `drift-${name}`,
      chart({ label: `${name} drift`, height: 130, x: { label: 'minutes →' }, y, marks }),
    )
  }
}

/** The same bursts as they are, in half the time, and of twice the users. */
async function scaling(): Promise<void> {
  const states = [
    { rate: 12, staySec: 15 },
    { rate: 1, staySec: 60 },
  ]
  const instants = arrivals({ process: 'mmpp', states }, 1_200, sequenceFor('3', 'picture'))
  const trace = demandTrace(instants.map((atSec) => ({ atUs: Math.round(atSec * 1e6) })))
  const ways = [
    ['as-it-is', {}],
    ['speed', { speed: 2 }],
    ['rate-scale', { rateScale: { factor: 2, by: 'sessions' } }],
  ] as const
  for (const [name, change] of ways) {
    const plan = await buildPlan(trace, { ...plainWorkload(), ...change })
    const marks = [
      gridY(),
      areaY(loadSeries(plan.columns), {
        x: 'atSec',
        y: 'perSec',
        fill: 'var(--one)',
        fillOpacity: 0.6,
        curve: 'step-after',
      }),
    ]
    write(
      `scaling-${name}`,
      chart({
        label: `requests per second, ${name}`,
        height: 150,
        x: { label: 'seconds →', domain: [0, 1_200] },
        y: { label: '↑ requests/s', domain: [0, 30] },
        marks,
      }),
    )
  }
}

mkdirSync(FOLDER, { recursive: true })
drifts()
await scaling()
