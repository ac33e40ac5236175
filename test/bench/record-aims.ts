/** What the recorder is to reach, and by how much the lines of one run reach it or do not. Pure. */
import type { Line } from './record-lines.ts'

type Aim = Readonly<{
  name: string
  unit: string
  found: number
  /** One of the two. */
  most?: number
  least?: number
}>

const US_PER_CHUNK = 16
/** nginx took so long where that aim was set: a slower machine is told from a slower recorder. */
const NGINX_US_PER_CHUNK = 9.8
const FULL_STREAMS = 500
const ADDED_P50_US = 100
const P99_OF_NGINX = 1.5
const RELAYED_PER_SECOND = 40_000
const RECORDED_PER_SECOND = 20_000
const US_PER_CONNECTION = 250
const LARGE_PROMPT_US = 10_000
/** What is the same; or as much as two that are well differ in that run, if that is more. */
const SAME_TIMES = 1.25
export const TWIN = 'a recorder that is well, too'

/** One line for each aim that the run can tell of; those beside nginx only where it ran. */
export function aimLines(lines: readonly Line[]): Line[] {
  return lines
    .filter(({ through }) => through === 'trace record')
    .flatMap((line) => [...failingAims(lines, line), ...aimsOf(line, besideNginx(lines, line))])
    .map(verdictOf)
}

function besideNginx(lines: readonly Line[], { what }: Line): Line | undefined {
  return lines.find((line) => line['what'] === what && line['through'] === 'nginx')
}

function failingAims(lines: readonly Line[], line: Line): Aim[] {
  const what = String(line['what'])
  if (!what.startsWith('while failing')) return []
  const twin = lines.find((each) => each['what'] === TWIN)
  return ['p50OfWell', 'p99OfWell'].map((key) => {
    const name = `${key.slice(0, 3)} ${what}, of one that is well`
    const most = Math.max(SAME_TIMES, Number(twin?.[key] ?? 0))
    return { name, unit: 'times', found: Number(line[key]), most }
  })
}

function aimsOf(line: Line, nginx: Line | undefined): Aim[] {
  const what = String(line['what'])
  const found = (key: string) => Number(line[key])
  if ('addedP99Us' in line && 'cpuUsPerChunk' in line) return streamAims(what, found, nginx)
  if (what === 'recorded') {
    const missing = line['verdict'] === 'FAILED' ? 1 : 0
    return [{ name: 'recordings that FAILED', unit: '', found: missing, most: 0 }]
  }
  if (what.startsWith('small requests, most shed')) {
    const perSecond = Math.round(1e6 / found('firstThreadUsPerRequest'))
    const name = 'requests that one second of the relay thread passes, while the observer sheds'
    return [{ name, unit: '/s', found: perSecond, least: RELAYED_PER_SECOND }]
  }
  if (what.startsWith('small requests')) {
    const name = `small requests a second on one core, for ${found('seconds')} s`
    return [{ name, unit: '/s', found: found('perSecond'), least: RECORDED_PER_SECOND }]
  }
  if ('cpuUsPerConnection' in line) {
    const cpuUs = found('cpuUsPerConnection')
    return [{ name: 'CPU of a new connection', unit: 'µs', found: cpuUs, most: US_PER_CONNECTION }]
  }
  if (what === 'prompts of 8 MB') {
    const addedUs = found('addedP50Us')
    return [
      { name: 'added to a prompt of 8 MB', unit: 'µs', found: addedUs, most: LARGE_PROMPT_US },
    ]
  }
  return []
}

function streamAims(what: string, found: (key: string) => number, nginx: Line | undefined): Aim[] {
  const aims: Aim[] = [
    { name: `added p50, ${what}`, unit: 'µs', found: found('addedP50Us'), most: ADDED_P50_US },
    {
      name: `added first p50, ${what}`,
      unit: 'µs',
      found: found('addedFirstP50Us'),
      most: ADDED_P50_US,
    },
  ]
  for (const [key, name] of [
    ['addedP99Us', 'added p99'],
    ['addedFirstP99Us', 'added first p99'],
  ] as const) {
    if (nginx === undefined) continue
    const most = rounded(P99_OF_NGINX * Math.max(0, Number(nginx[key])))
    aims.push({ name: `${name} beside nginx, ${what}`, unit: 'µs', found: found(key), most })
  }
  if (Number.parseInt(what, 10) < FULL_STREAMS) return aims
  const cpuUs = found('cpuUsPerChunk')
  aims.push({ name: `CPU a chunk, ${what}`, unit: 'µs', found: cpuUs, most: US_PER_CHUNK })
  if (nginx !== undefined) {
    const ratio = rounded(cpuUs / Number(nginx['cpuUsPerChunk']))
    const most = rounded(US_PER_CHUNK / NGINX_US_PER_CHUNK)
    aims.push({ name: `the same, of nginx's`, unit: 'times', found: ratio, most })
  }
  return aims
}

function verdictOf({ name, unit, found, most, least }: Aim): Line {
  const over = most === undefined ? (least ?? 0) - found : found - most
  const by = `${rounded(over)} ${unit}`.trim()
  return {
    aim: name,
    wanted: `${most === undefined ? `≥ ${least}` : `≤ ${most}`} ${unit}`.trim(),
    found: `${found} ${unit}`.trim(),
    verdict: over <= 0 ? 'met' : `missed by ${by}`,
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
