/** Looks for drift inside a trace, or between two: in the rate, the lengths, and who sends what. */
import { TraceError } from '../base/errors.ts'
import type { TraceReader } from '../trace/trace.ts'
import { changePoints, isChange, shiftBetween, type Shift } from './drift-scan.ts'

export type DriftFinding = Shift &
  Readonly<{
    /** 'rate', 'input', 'output', or the share of 'tenant NAME' or 'model NAME'. */
    signal: string
    /** Instant of the change since the origin; null between two traces. */
    atUs: number | null
    isDrift: boolean
  }>

/** One thing that can drift: its values in the order of time, and when each was. */
type Signal = Readonly<{ name: string; values: Float64Array; atUs: Float64Array }>

/** Values of a signal that are looked at; more rows are thinned evenly. */
const MAX_VALUES = 4_000
const RATE_WINDOWS = 240
/** A window with fewer requests on average is mostly noise. */
const FEWEST_PER_WINDOW = 4
/** Tenants and models that are watched, the largest. */
const MAX_NAMES = 8

/** Changes inside one trace, in the order of time. */
export async function driftWithin(reader: TraceReader): Promise<DriftFinding[]> {
  const rows = await readRows(reader)
  return signalsOf(rows, rateWindowUs(rows), runLength(rows))
    .flatMap(({ name, values, atUs }) =>
      changePoints(values).map(({ index, ...shift }) => ({
        ...shift,
        signal: name,
        atUs: atUs[index]!,
        isDrift: true,
      })),
    )
    .toSorted((a, b) => a.atUs - b.atUs)
}

/** All signals of two traces compared, whether they drifted or not. */
export async function driftBetween(
  first: TraceReader,
  second: TraceReader,
): Promise<DriftFinding[]> {
  const before = await readRows(first)
  const after = await readRows(second)
  // Counts and shares of unequal windows would differ by their grid alone.
  const windowUs = Math.max(rateWindowUs(before), rateWindowUs(after))
  const run = Math.max(runLength(before), runLength(after))
  const others = new Map(signalsOf(after, windowUs, run).map((signal) => [signal.name, signal]))
  return signalsOf(before, windowUs, run).flatMap(({ name, values }) => {
    const other = others.get(name)
    if (other === undefined) return []
    const shift = shiftBetween(values, other.values)
    return [{ ...shift, signal: name, atUs: null, isDrift: isChange(shift) }]
  })
}

function signalsOf(rows: Rows, windowUs: number, run: number): Signal[] {
  return [
    rateSignal(rows.atUs, windowUs),
    thinned('input', rows.promptTokens, rows.atUs),
    thinned('output', rows.outputTokens, rows.atUs),
    ...shareSignals('tenant', rows.tenant, rows.atUs, run),
    ...shareSignals('model', rows.model, rows.atUs, run),
  ].filter(({ values }) => values.length > 0)
}

type Rows = Readonly<{
  atUs: number[]
  promptTokens: number[]
  outputTokens: number[]
  tenant: (string | null)[]
  model: (string | null)[]
}>

async function readRows(reader: TraceReader): Promise<Rows> {
  const rows: Rows = { atUs: [], promptTokens: [], outputTokens: [], tenant: [], model: [] }
  const names = ['atUs', 'promptTokens', 'outputTokens', 'tenant', 'model'] as const
  for await (const { rowCount, columns } of reader.requests(names)) {
    for (let row = 0; row < rowCount; row += 1) {
      rows.atUs.push(columns.atUs[row]!)
      rows.promptTokens.push(columns.promptTokens[row]!)
      rows.outputTokens.push(columns.outputTokens[row]!)
      rows.tenant.push(columns.tenant[row]!)
      rows.model.push(columns.model[row]!)
    }
  }
  if (rows.atUs.length === 0) throw new TraceError('EMPTY_WINDOW', 'a trace has no requests')
  return rows
}

function rateWindowUs({ atUs }: Rows): number {
  const spanUs = atUs.at(-1)! - atUs[0]!
  return spanUs / Math.max(1, Math.min(RATE_WINDOWS, Math.floor(atUs.length / FEWEST_PER_WINDOW)))
}

/** Requests in a run of which shares are counted. */
function runLength({ atUs }: Rows): number {
  return Math.max(FEWEST_PER_WINDOW, Math.ceil(atUs.length / RATE_WINDOWS))
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

function thinned(name: string, all: readonly number[], atUs: readonly number[]): Signal {
  const known = [...all.keys()].filter((row) => !Number.isNaN(all[row]!))
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

/** For each of the largest names the share of requests that are its, in runs of equal count. */
function shareSignals(
  kind: string,
  names: readonly (string | null)[],
  atUs: readonly number[],
  run: number,
): Signal[] {
  const counts = new Map<string, number>()
  for (const name of names) if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1)
  if (counts.size < 2) return []
  const largest = [...counts].toSorted(([, a], [, b]) => b - a).slice(0, MAX_NAMES)
  return largest.map(([wanted]) => {
    const values = new Float64Array(Math.floor(names.length / run))
    for (const [row, name] of names.entries()) {
      const at = Math.floor(row / run)
      if (name === wanted && at < values.length) values[at]! += 1 / run
    }
    const instants = values.map((_, at) => atUs[at * run]!)
    return { name: `${kind} ${wanted}`, values, atUs: instants }
  })
}
