/** What can drift in a trace, as series in the order of time: rate, lengths, sharing, hang-ups, who sends what. */
import { TraceError } from '../base/errors.ts'
import { outcomeClass } from '../trace/outcome-class.ts'
import type { TraceReader } from '../trace/trace.ts'
import { halvesOf } from './block-index.ts'
import { loadBlocks } from './block-table.ts'
import type { PlanBlocks } from './plan.ts'
import { sharedTokens } from './shared-tokens.ts'

/** One thing that can drift: its values in the order of time, and when each was. */
type Signal = Readonly<{
  /** 'rate', 'input', 'output', 'prefix', 'hangups', 'tenant NAME' or 'model NAME'. */
  name: string
  /** Requests/s; tokens of prompts, of answers, of prompts that are shared; shares of requests. */
  values: Float64Array
  atUs: Float64Array
}>

/** How signals are cut, the same way for all traces that are compared. */
type SignalGrid = Readonly<{
  rateWindowUs: number
  /** Requests of which a share is counted. */
  run: number
  /** Requests among which shared prefixes are looked for. */
  stretch: number
  hasPrefixes: boolean
  hasHangUps: boolean
  tenants: readonly string[]
  models: readonly string[]
}>

type DriftRows = Readonly<{
  atUs: number[]
  promptTokens: number[]
  outputTokens: number[]
  isHungUp: boolean[]
  tenant: (string | null)[]
  model: (string | null)[]
  leaf: Uint32Array
  blocks: PlanBlocks
}>

/** Values of a signal that are looked at; more rows are thinned evenly. */
const MAX_VALUES = 4_000
const RATE_WINDOWS = 240
/** A window with fewer requests on average is mostly noise. */
const FEWEST_PER_WINDOW = 4
/** Tenants and models that are watched, the largest. */
const MAX_NAMES = 8

const COLUMNS = [
  'atUs',
  'promptTokens',
  'outputTokens',
  'outcome',
  'tenant',
  'model',
  'prefixLeaf',
] as const

/** @throws TraceError EMPTY_WINDOW if there is no request */
export async function readDriftRows(reader: TraceReader): Promise<DriftRows> {
  const table = await loadBlocks(reader)
  const leaves: number[] = []
  const rows: Omit<DriftRows, 'leaf' | 'blocks'> = {
    atUs: [],
    promptTokens: [],
    outputTokens: [],
    isHungUp: [],
    tenant: [],
    model: [],
  }
  for await (const { rowCount, columns } of reader.requests(COLUMNS)) {
    const ids = halvesOf(columns.prefixLeaf)
    for (let row = 0; row < rowCount; row += 1) {
      rows.atUs.push(columns.atUs[row]!)
      rows.promptTokens.push(columns.promptTokens[row]!)
      rows.outputTokens.push(columns.outputTokens[row]!)
      rows.isHungUp.push(outcomeClass(columns.outcome[row]!) === 'hung_up')
      rows.tenant.push(columns.tenant[row]!)
      rows.model.push(columns.model[row]!)
      leaves.push(table.indexAt(ids, row))
    }
  }
  if (rows.atUs.length === 0) throw new TraceError('EMPTY_WINDOW', 'a trace has no requests')
  return { ...rows, leaf: Uint32Array.from(leaves), blocks: table.blocks }
}

export function gridOf(traces: readonly DriftRows[]): SignalGrid {
  const counts = traces.map(({ atUs }) => atUs.length)
  return {
    // Counts and shares of unequal windows would differ by their grid alone.
    rateWindowUs: Math.max(...traces.map(rateWindowUs)),
    run: Math.max(FEWEST_PER_WINDOW, Math.ceil(Math.max(...counts) / RATE_WINDOWS)),
    stretch: Math.min(...counts),
    hasPrefixes: traces.every(({ blocks }) => blocks.id.length > 0),
    hasHangUps: traces.some(({ isHungUp }) => isHungUp.includes(true)),
    tenants: namesOf(traces.map(({ tenant }) => tenant)),
    models: namesOf(traces.map(({ model }) => model)),
  }
}

/** The same names in the same order for every trace of the grid. */
export function signalsOf(rows: DriftRows, grid: SignalGrid): Signal[] {
  const { atUs, promptTokens, leaf, blocks } = rows
  const share = (name: string, isOne: (row: number) => boolean) =>
    shareSignal(name, atUs, grid.run, isOne)
  return [
    rateSignal(atUs, grid.rateWindowUs),
    thinned('input', promptTokens, atUs),
    thinned('output', rows.outputTokens, atUs),
    ...(grid.hasPrefixes
      ? [thinned('prefix', sharedTokens(blocks, leaf, promptTokens, grid.stretch), atUs)]
      : []),
    ...(grid.hasHangUps ? [share('hangups', (row) => rows.isHungUp[row]!)] : []),
    ...grid.tenants.map((name) => share(`tenant ${name}`, (row) => rows.tenant[row] === name)),
    ...grid.models.map((name) => share(`model ${name}`, (row) => rows.model[row] === name)),
  ]
}

function rateWindowUs({ atUs }: DriftRows): number {
  const spanUs = atUs.at(-1)! - atUs[0]!
  return spanUs / Math.max(1, Math.min(RATE_WINDOWS, Math.floor(atUs.length / FEWEST_PER_WINDOW)))
}

/** The largest of all traces together; none if there is one only, or traces have none in common. */
function namesOf(traces: readonly (readonly (string | null)[])[]): string[] {
  const known = traces.map((names) => new Set(names.filter((name) => name !== null)))
  const isCommon = (name: string) => known.every((names) => names.has(name))
  if (![...known[0]!].some(isCommon)) return []
  const counts = new Map<string, number>()
  for (const names of traces) {
    for (const name of names) {
      if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1 / names.length)
    }
  }
  if (counts.size < 2) return []
  const largest = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, MAX_NAMES)
  return largest.map(([name]) => name)
}

/** Requests per second in whole windows. */
function rateSignal(instants: readonly number[], windowUs: number): Signal {
  const firstUs = instants[0]!
  // Half a window, so that the last one is whole in spite of rounding.
  const spanUs = instants.at(-1)! - firstUs + windowUs / 2
  const values = new Float64Array(windowUs === 0 ? 0 : Math.floor(spanUs / windowUs))
  for (const instant of instants) {
    const window = Math.floor((instant - firstUs) / windowUs)
    if (window < values.length) values[window]! += 1e6 / windowUs
  }
  return { name: 'rate', values, atUs: values.map((_, window) => firstUs + window * windowUs) }
}

function thinned(name: string, all: ArrayLike<number>, atUs: readonly number[]): Signal {
  const known = [...atUs.keys()].filter((row) => !Number.isNaN(all[row]!))
  const step = Math.max(1, known.length / MAX_VALUES)
  const rows = Array.from(
    { length: Math.floor(known.length / step) },
    (_, index) => known[Math.floor(index * step)]!,
  )
  return {
    name,
    values: Float64Array.from(rows, (row) => all[row]!),
    atUs: Float64Array.from(rows, (row) => atUs[row]!),
  }
}

/** The share of requests that are `isOne`, in runs of equal count. */
function shareSignal(
  name: string,
  atUs: readonly number[],
  run: number,
  isOne: (row: number) => boolean,
): Signal {
  const values = new Float64Array(Math.floor(atUs.length / run))
  for (let row = 0; row < values.length * run; row += 1) {
    if (isOne(row)) values[Math.floor(row / run)]! += 1 / run
  }
  return { name, values, atUs: values.map((_, at) => atUs[at * run]!) }
}
