/** Everything that a verdict looks at, gathered from one run. Pure. */
import type { EventRow, SampleRow } from '../trace/columns.ts'
import { jsonObject, numberIn } from '../trace/json-column.ts'
import type { ProbeFigures } from './probe-check.ts'
import type { ServerFigures } from './server-figures.ts'
import { largestOf } from '../stats/moments.ts'
import type { SideWatch } from './side-watch.ts'
import type { Side } from './side.ts'
import type { TtftParts } from './ttft-parts.ts'

/** What the replayer counted about its own stimulus. */
export type Delivery = Readonly<{
  planned: number
  sent: number
  dropped: number
  promptExact: number
  promptOff: number
  outputExact: number
  outputOff: number
  /** Planned tokens of what told its size, and by how many it was off; 0 in older results. */
  promptTokens: number
  promptTokensOff: number
  outputTokens: number
  outputTokensOff: number
  hungUp: number
  hangUpMissed: number
  /** Sent in place of requests whose answers were bound to a grammar. */
  structured: number
}>

/** Worst value of each sample that the client took of itself; null where it took none. */
export type ClientFigures = Readonly<
  Record<
    | 'cpu_share'
    | 'loop_delay_p99_us'
    | 'loop_utilization'
    | 'gc_pause_max_us'
    | 'throttled_count'
    | 'clock_step_us',
    number | null
  >
>

export type RunFacts = Readonly<{
  kind: 'recorded' | 'imported' | 'synthetic' | 'replayed'
  isComplete: boolean
  interrupted: boolean
  side: Side
  watch: SideWatch
  delivery: Delivery | null
  client: ClientFigures
  server: ServerFigures | null
  /** Where the server tells its times of single requests. */
  ttftParts: TtftParts | null
  probe: ProbeFigures | null
}>

const CLIENT_NAMES = [
  'cpu_share',
  'loop_delay_p99_us',
  'loop_utilization',
  'gc_pause_max_us',
  'throttled_count',
  'clock_step_us',
] as const

export function clientFigures(samples: readonly SampleRow[]): ClientFigures {
  const worst = (name: string) => {
    const values = samples
      .filter(({ metric }) => metric === `trace:${name}` || metric === `trace:client_${name}`)
      .map(({ value }) => Math.abs(value))
    if (values.length === 0) return null
    // A counter of the machine's: what it said before the run is not the run's.
    return name === 'throttled_count' ? values.at(-1)! - values[0]! : largestOf(values)
  }
  return Object.fromEntries(CLIENT_NAMES.map((name) => [name, worst(name)])) as ClientFigures
}

/** The last `fidelity` event; null where there is none. */
export function deliveryOf(events: readonly EventRow[]): Delivery | null {
  const event = events.findLast(({ kind }) => kind === 'fidelity')
  if (!event?.detail) return null
  const counts = jsonObject(event.detail, 'event.detail')
  const count = (name: keyof Delivery) => numberIn(counts, name) ?? 0
  return {
    planned: count('planned'),
    sent: count('sent'),
    dropped: count('dropped'),
    promptExact: count('promptExact'),
    promptOff: count('promptOff'),
    outputExact: count('outputExact'),
    outputOff: count('outputOff'),
    promptTokens: count('promptTokens'),
    promptTokensOff: count('promptTokensOff'),
    outputTokens: count('outputTokens'),
    outputTokensOff: count('outputTokensOff'),
    hungUp: count('hungUp'),
    hangUpMissed: count('hangUpMissed'),
    structured: count('structured'),
  }
}
