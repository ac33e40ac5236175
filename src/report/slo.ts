/** Objectives held against a run: met or not, goodput, fluidity, and how fast the error budget burns. Pure. */
import type { RowLatency } from '../replay/live-results.ts'
import { classOfCode, isJudged } from '../trace/outcome-class.ts'
import { type PerRequestName, present } from './latency-watch.ts'
import type { Objective } from './objective.ts'
import { shareOf } from './metric.ts'
import { quantityName, valueOf } from './quantity.ts'
import type { SideWatch } from './side-watch.ts'
import type { MetricName, Side } from './side.ts'
import { rowsWhere } from '../stats/growing.ts'
import { binomialCdf } from '../stats/interval.ts'

export type SloResult = Readonly<{
  objectives: readonly ObjectiveResult[]
  /** Requests that met every latency objective themselves, over all that were sent, not hung up and seen to their end. */
  goodput: number | null
  good_requests_per_s: number | null
  good_tokens_per_s: number | null
  budgets: readonly Budget[]
  /** Goodput of parts of the run. */
  by: Readonly<Record<'tenant' | 'model' | 'prompt_length' | 'phase', readonly Part[]>>
}>

export type ObjectiveResult = Readonly<{
  text: string
  name: string
  value: number | null
  limit: number
  /** null: too few samples to say. May be false without a value: too many are beyond for chance. */
  met: boolean | null
}>

/** Of 'p99 < limit' the budget is the 1 % of requests that may be beyond. */
export type Budget = Readonly<{
  objective: string
  allowed_share: number
  beyond_share: number
  /** Above 1 the objective is missed. */
  used: number
  /** The same over the last quarter of the run: how fast it is used now. */
  burn_rate: number
  /** Days until a 30-day budget is gone at this rate; null if it never is. */
  month_lasts_days: number | null
}>

export type Part = Readonly<{ name: string; requests: number; goodput: number }>

/** Latencies that one request has; objectives on others are judged only as percentiles. */
const COLUMNS: Readonly<Partial<Record<MetricName, PerRequestName>>> &
  Record<RowLatency, PerRequestName> = {
  ttft_due: 'ttftDue',
  ttft: 'ttft',
  ttfc: 'ttfc',
  tpot: 'tpot',
  e2e_due: 'e2eDue',
  e2e: 'e2e',
  ntpot: 'ntpot',
}

/** @returns null for latencies that a single request has many of, or none */
export function rowLatencyOf(metric: MetricName): RowLatency | null {
  return metric in COLUMNS ? (metric as RowLatency) : null
}

const MONTH_DAYS = 30
const MAX_PARTS = 20

export function judgeObjectives(
  objectives: readonly Objective[],
  side: Side,
  watch: SideWatch,
): SloResult {
  const bounds = objectives.flatMap(({ quantity, limit }) => {
    const column = quantity.kind === 'latency' ? COLUMNS[quantity.metric] : undefined
    return column ? [{ values: watch.latency.columns[column].view(), limit }] : []
  })
  const outcome = watch.columns.outcome.view()
  const counted = rowsWhere(outcome.length, (row) => isJudged(classOfCode(outcome[row]!)))
  const isGood = (row: number) =>
    classOfCode(outcome[row]!) === 'whole' &&
    bounds.every(({ values, limit }) => !(values[row]! > limit))
  const good = bounds.length === 0 ? new Uint32Array() : counted.filter(isGood)
  const windowS = side.throughput.window_s
  const goodTokens = good.reduce((sum, row) => sum + (watch.columns.output.view()[row]! || 0), 0)
  return {
    objectives: objectives.map((objective) => resultOf(objective, side, watch)),
    goodput: bounds.length === 0 || counted.length === 0 ? null : good.length / counted.length,
    good_requests_per_s: bounds.length === 0 || windowS === 0 ? null : good.length / windowS,
    good_tokens_per_s: bounds.length === 0 || windowS === 0 ? null : goodTokens / windowS,
    budgets: objectives.flatMap((objective) => budgetOf(objective, watch, counted)),
    by: {
      tenant: parts(counted, isGood, (row) => watch.tenants.at(row)),
      model: parts(counted, isGood, (row) => watch.models.at(row)),
      prompt_length: parts(counted, isGood, (row) =>
        lengthBucket(watch.columns.prompt.view()[row]!),
      ),
      phase: parts(counted, isGood, (row) => phaseOf(row, outcome.length)),
    },
  }
}

/** An objective is met if the value is. Where too few samples bound that, it may still be surely missed, else it is open. */
function resultOf(objective: Objective, side: Side, watch: SideWatch): ObjectiveResult {
  const value = valueOf(side, objective.quantity)
  const { limit, text } = objective
  const met =
    value === null ? (isSurelyMissed(objective, watch) ? false : null) : holds(objective, value)
  return { text, name: quantityName(objective.quantity), value, limit, met }
}

function holds({ limit, isFloor, isStrict }: Objective, value: number): boolean {
  if (value === limit) return !isStrict
  return isFloor ? value > limit : value < limit
}

/** So many beyond the limit as chance gives once in forty runs whose percentile is at it: its exact lower bound is beyond. */
function isSurelyMissed({ quantity, limit }: Objective, watch: SideWatch): boolean {
  if (quantity.kind !== 'latency' || quantity.statistic === 'mean') return false
  const column = COLUMNS[quantity.metric]
  if (!column) return false
  const values = present(watch.latency.columns[column])
  const beyond = values.filter((value) => value > limit).length
  return 1 - binomialCdf(beyond - 1, values.length, 1 - shareOf(quantity.statistic)) <= 0.025
}

function budgetOf(objective: Objective, watch: SideWatch, counted: Uint32Array): Budget[] {
  const { quantity, limit } = objective
  if (quantity.kind !== 'latency' || quantity.statistic === 'mean' || counted.length === 0)
    return []
  const column = COLUMNS[quantity.metric]
  if (!column) return []
  const values = watch.latency.columns[column].view()
  const outcome = watch.columns.outcome.view()
  // A request that failed met nothing.
  const isBeyond = (row: number) => classOfCode(outcome[row]!) !== 'whole' || values[row]! > limit
  const shareBeyond = (rows: Uint32Array) => rows.filter(isBeyond).length / Math.max(1, rows.length)
  const allowed = 1 - shareOf(quantity.statistic)
  const recent = shareBeyond(counted.slice(-Math.ceil(counted.length / 4))) / allowed
  const beyond = shareBeyond(counted)
  return [
    {
      objective: objective.text,
      allowed_share: allowed,
      beyond_share: beyond,
      used: beyond / allowed,
      burn_rate: recent,
      month_lasts_days: recent > 1 ? MONTH_DAYS / recent : null,
    },
  ]
}

function parts(
  rows: Uint32Array,
  isGood: (row: number) => boolean,
  nameOf: (row: number) => string | null,
): Part[] {
  const found = new Map<string, { requests: number; good: number }>()
  for (const row of rows) {
    const name = nameOf(row)
    if (name === null) continue
    const part = found.get(name) ?? { requests: 0, good: 0 }
    part.requests += 1
    if (isGood(row)) part.good += 1
    found.set(name, part)
  }
  const order = [...LENGTH_EDGES.map(lengthName), OVER_LENGTH, ...PHASES]
  return [...found]
    .map(([name, { requests, good }]) => ({ name, requests, goodput: good / requests }))
    .toSorted((a, b) => b.requests - a.requests)
    .slice(0, MAX_PARTS)
    .toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
}

const LENGTH_EDGES = [256, 1_024, 4_096, 16_384, 65_536] as const
const OVER_LENGTH = 'over 65,536'

function lengthBucket(tokens: number): string | null {
  if (Number.isNaN(tokens)) return null
  const edge = LENGTH_EDGES.find((each) => tokens <= each)
  return edge === undefined ? OVER_LENGTH : lengthName(edge)
}

function lengthName(edge: number): string {
  return `up to ${edge.toLocaleString('en-US')}`
}

const PHASES = ['first third', 'second third', 'last third'] as const

function phaseOf(row: number, count: number): string {
  return PHASES[Math.min(2, Math.floor((3 * row) / count))]!
}
