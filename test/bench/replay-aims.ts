/** What the replayer is to reach, and by how much a measurement reaches it or does not. Pure. */
import type { Measured } from './replay-run.ts'

type Aim = Readonly<{ name: string; unit: string; most: number; of: (row: Measured) => number }>

const ms = (us: number) => us / 1_000

/** By the server's own receive stamps. */
export const LAG_AIMS: readonly Aim[] = [
  { name: 'lag p50', unit: 'ms', most: 0.05, of: ({ arrivalLagUs }) => ms(arrivalLagUs.p50) },
  { name: 'lag p99', unit: 'ms', most: 1, of: ({ arrivalLagUs }) => ms(arrivalLagUs.p99) },
]

/** For 1,000 streams of 50 tokens/s, the client with all its threads on one core. */
export const STREAM_AIMS: readonly Aim[] = [
  { name: 'TTFT error p50', unit: 'ms', most: 0.2, of: ({ ttftErrorUs }) => ms(ttftErrorUs.p50) },
  { name: 'TTFT error p99', unit: 'ms', most: 1, of: ({ ttftErrorUs }) => ms(ttftErrorUs.p99) },
  { name: 'gap error p99', unit: 'ms', most: 1.5, of: ({ gapErrorUs }) => ms(gapErrorUs.p99) },
  { name: 'CPU a chunk', unit: 'µs', most: 9, of: ({ cpuUs, chunks }) => cpuUs / chunks },
  { name: 'memory', unit: 'MB', most: 150, of: ({ maxRssKb }) => maxRssKb / 1_024 },
]

/** 2,000 streams of 50 tokens/s, client and server on two cores together. */
export const CROWD_AIMS: readonly Aim[] = [
  {
    name: 'time beside the plan',
    unit: '%',
    most: 1,
    of: ({ overrunShare }) => 100 * overrunShare,
  },
]

export type Verdict = Readonly<{ name: string; unit: string; most: number; found: number }>

export function verdictsOf(aims: readonly Aim[], row: Measured): Verdict[] {
  return aims.map(({ name, unit, most, of }) => ({ name, unit, most, found: of(row) }))
}

/** 'lag p50 met · lag p99 missed by 0.6 ms' */
export function verdictText(verdicts: readonly Verdict[]): string {
  const show = (value: number) => value.toFixed(value < 1 ? 2 : 1)
  return verdicts
    .map(({ name, unit, most, found }) =>
      found <= most ? `${name} met` : `${name} missed by ${show(found - most)} ${unit}`,
    )
    .join(' · ')
}
