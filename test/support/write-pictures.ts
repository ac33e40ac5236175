/** Draws the pictures of docs/ by the code itself, as `npm run docs` does. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { sequenceFor } from '../../src/base/random.ts'
import type { OpenWire } from '../../src/replay/wire.ts'
import { areaY, barX, chart, gridY, lineY, ruleX, tickX } from '../../src/report/chart.ts'
import { arrivals } from '../../src/workload/arrival-process.ts'
import { buildPlan } from '../../src/workload/build-plan.ts'
import { driftFactor, parseDrift } from '../../src/workload/drift.ts'
import { loadSeries } from '../../src/workload/load-series.ts'
import { plainWorkload } from '../../src/workload/options.ts'
import { demandTrace } from './demand-trace.ts'
import { runSender } from './sender-run.ts'
import type { VirtualClock } from './virtual-clock.ts'

const FOLDER = 'docs/pictures'
const COLOURS: Readonly<Record<string, string>> = { '--one': '#4269d0', '--two': '#d9622b' }

const STYLE =
  '<style>svg{color:#333}@media (prefers-color-scheme:dark){svg{color:#ccc;background:#111}}</style>'

/** A picture that stands alone, light or dark, with letters that a phone can show. */
function write(name: string, svg: string): void {
  const fixed = svg
    .replaceAll(/var\((--\w+)\)/g, (_, variable: string) => COLOURS[variable] ?? '#888')
    .replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ')
    .replace('background:none', '')
    .replace('font-size="10"', 'font-size="15"')
    .replace('>', `>${STYLE}`)
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
        marginRight: 30,
        x: { label: 'seconds →', domain: [0, 1_200] },
        y: { label: '↑ requests/s', domain: [0, 30] },
        marks,
      }),
    )
  }
}

const SECOND_US = 1_000_000
const JITTERED_US = [0, 40, 45, 120, 260, 265, 270, 400, 520, 600].map((ms) => ms * 1_000)

/** The same ten requests as recorded, and with `--jitter 20ms` under four seeds. */
async function jitter(): Promise<void> {
  const trace = demandTrace(JITTERED_US.map((atUs) => ({ atUs: atUs + SECOND_US })))
  const ticks = []
  for (const seed of ['', '1', '2', '3', '4']) {
    const blur = { widthUs: seed === '' ? 0 : 20_000, shape: 'uniform' } as const
    const plan = await buildPlan(trace, { ...plainWorkload(), seed, jitter: blur })
    const way = seed === '' ? 'recorded' : `seed ${seed}`
    for (const dueUs of plan.columns.dueUs) ticks.push({ way, ms: dueUs / 1_000 })
  }
  const recorded = ticks.filter(({ way }) => way === 'recorded')
  const marks = [
    ruleX(recorded, { x: 'ms', stroke: 'var(--two)', strokeOpacity: 0.4 }),
    tickX(ticks, { x: 'ms', y: 'way', stroke: 'var(--one)', strokeWidth: 2 }),
  ]
  const label = 'ten send times, blurred by 20 ms'
  write(
    'jitter',
    chart({ label, height: 210, marginLeft: 90, x: { label: 'ms →' }, y: { label: null }, marks }),
  )
}

const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')

/** A server that takes so long for each request in turn. */
const serverOf =
  (tookUs: readonly number[]) =>
  (clock: VirtualClock): OpenWire =>
  (_target, events) => {
    const after = async (us: number, act: () => void) => {
      await clock.sleepUntil(clock.nowUs() + us)
      act()
    }
    void after(200, () => events.connected())
    return {
      unsentBytes: 0,
      write(bytes) {
        const tookNowUs = tookUs[Number(bytes.toString())]!
        void after(tookNowUs, () => events.bytes(ANSWER, ANSWER.length))
      },
      close: () => {},
    }
  }

/** What the sender does when the server takes thrice as long as it did: open loop, and two users. */
async function openLoop(): Promise<void> {
  const dues = [0.2, 0.9, 1.3, 2.4, 2.6, 3.4].map((atSec) => (1 + atSec) * SECOND_US)
  const took = [0.7, 0.5, 0.9, 0.6, 0.4, 0.5].map((sec) => sec * SECOND_US)
  const ways = [
    ['recorded', 1, null],
    ['open loop', 3, null],
    ['closed=2', 3, 2],
  ] as const
  const bars = []
  for (const [way, slower, concurrency] of ways) {
    const { results } = await runSender(
      dues.map((dueUs) => ({ dueUs })),
      serverOf(took.map((us) => us * slower)),
      {
        bytesOf: (index) => Buffer.from(String(index)),
        ...(concurrency === null ? {} : { concurrency }),
      },
    )
    for (const { index, writtenAtUs, endedAtUs } of results) {
      const [from, to] = [writtenAtUs, endedAtUs].map((us) => us / SECOND_US - 1)
      bars.push({ way, request: 'ABCDEF'[index]!, from, to })
    }
  }
  const marks = [
    ruleX(
      dues.map((us) => us / SECOND_US - 1),
      { stroke: 'var(--two)', strokeOpacity: 0.4 },
    ),
    barX(bars, { x1: 'from', x2: 'to', y: 'request', fy: 'way', fill: 'var(--one)', inset: 1 }),
  ]
  write(
    'open-loop',
    chart({
      label: 'when each request was in flight: recorded, open loop, closed loop',
      height: 400,
      marginLeft: 40,
      x: { label: 'seconds →' },
      y: { label: null },
      fy: { label: null, domain: ways.map(([way]) => way) },
      marginRight: 90,
      marks,
    }),
  )
}

mkdirSync(FOLDER, { recursive: true })
await jitter()
await openLoop()
drifts()
await scaling()
