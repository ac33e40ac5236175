/** Names of numbers that gates and objectives speak of: 'ttft.p99', 'error_rate'. Pure. */
import { TraceError } from '../base/errors.ts'
import { PERCENTILES, type PercentileName } from './metric.ts'
import { METRIC_NAMES, type MetricName, type Side } from './side.ts'

/** What a gate may name: a latency with a percentile or `mean`, or one of the rates. */
export type Quantity =
  | Readonly<{ kind: 'latency'; metric: MetricName; statistic: PercentileName | 'mean' }>
  | Readonly<{ kind: 'rate'; name: RateName }>

const RATES = {
  error_rate: (side: Side) => side.requests.failed / Math.max(1, side.requests.total),
  completed: (side: Side) => side.throughput.completed_per_s,
  output_tokens: (side: Side) => side.throughput.output_tokens_per_s,
  prompt_tokens: (side: Side) => side.throughput.prompt_tokens_per_s,
} as const
export type RateName = keyof typeof RATES

/** More of these is better: a gate on them watches for a fall. */
export const HIGHER_IS_BETTER: ReadonlySet<string> = new Set([
  'completed',
  'output_tokens',
  'prompt_tokens',
])

/** Gates and objectives judge what a user of the schedule feels: a bare name counts from due. */
const OWN_NAMES: ReadonlyMap<string, MetricName> = new Map([
  ['ttft', 'ttft_due'],
  ['e2e', 'e2e_due'],
  ['ttft_sent', 'ttft'],
  ['e2e_sent', 'e2e'],
])

export function parseQuantity(flag: string, text: string): Quantity {
  if (Object.hasOwn(RATES, text)) return { kind: 'rate', name: text as RateName }
  const [name = '', statistic = ''] = text.split(/\.(.*)/s)
  const metric = OWN_NAMES.get(name) ?? METRIC_NAMES.find((each) => each === name)
  const found = [...PERCENTILES, 'mean' as const].find((each) => each === statistic)
  if (metric && found) return { kind: 'latency', metric, statistic: found }
  throw new TraceError('BAD_OPTION', `${flag}: no number is called '${text}'`, {
    hint: `Latencies: ttft, ttft_sent, itl, tpot, e2e, … with .p50 … .p99.9 or .mean; rates: ${Object.keys(RATES).join(', ')}.`,
  })
}

/** The name that gates and objectives take. */
export function quantityName(quantity: Quantity): string {
  if (quantity.kind === 'rate') return quantity.name
  const { metric, statistic } = quantity
  const named = [...OWN_NAMES].find(([, each]) => each === metric)
  return `${named?.[0] ?? metric}.${statistic}`
}

/** µs, a share or a rate; null where this side cannot say it. */
export function valueOf(side: Side, quantity: Quantity): number | null {
  if (quantity.kind === 'rate') return RATES[quantity.name](side)
  const metric = side.metrics[quantity.metric]
  if (quantity.statistic === 'mean') return metric?.mean ?? null
  return metric?.[quantity.statistic]?.value ?? null
}
