/** Turns the rows of one class of clients into its entry of a `trace synth` configuration. Pure. */
import { drawFor } from '../base/random.ts'
import type { ArrivalProcess } from './arrival-process.ts'
import { endTokens } from './block-table.ts'
import { fitProcess } from './fit-arrivals.ts'
import { ABORT_BY_TIME, ABORT_BY_TOKENS, NONE, type Plan } from './plan.ts'

/** Plain data, as YAML has it. */
export type ClassEntry = Readonly<Record<string, unknown>>

/** Values that are kept of each set of sizes. */
const MAX_VALUES = 1_000

/** @param rows of the plan, ascending */
export function classEntry(plan: Plan, name: string, rows: readonly number[]): ClassEntry {
  const { columns } = plan
  const starts = rows.filter((row) => columns.parent[row] === NONE)
  const turns = turnCounts(plan, rows)
  const system = systemTokens(plan, rows)
  const shape = plan.shapes[columns.shape[rows[0]!]!]!
  const durationUs = Math.max(1, plan.spanUs)
  const arrivals = fitProcess(
    Float64Array.from(starts, (row) => columns.dueUs[row]!),
    durationUs,
  )
  const hasTurns = starts.length < rows.length
  return {
    name,
    tenant: shape.tenant ?? name,
    ...(shape.model === null ? {} : { model: shape.model }),
    endpoint: shape.endpoint,
    stream: shape.isStream,
    ...(shape.priority === null ? {} : { priority: shape.priority }),
    clients: 1,
    arrivals: processEntry(arrivals),
    ...(hasTurns
      ? { turns: valuesEntry(turns), think_s: valuesEntry(thinkSeconds(plan, rows)) }
      : {}),
    ...(system === 0 ? {} : { system_prompt: { tokens: system, groups: 1 } }),
    pairs: sizePairs(plan, rows, system),
    ...hangUpEntry(plan, rows),
  }
}

function processEntry(process: ArrivalProcess): ClassEntry {
  if (process.process !== 'mmpp') return process
  const states = process.states.map(({ rate, staySec }) => ({ rate, stay_s: staySec }))
  return { process: 'mmpp', states }
}

function valuesEntry(values: readonly number[]): ClassEntry {
  return { law: 'empirical', values: sample(values) }
}

/** Evenly spread quantiles of many values; few stay as they are. */
function sample(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b)
  if (sorted.length <= MAX_VALUES) return sorted
  return Array.from({ length: MAX_VALUES }, (_, index) => {
    return sorted[Math.floor(((index + 0.5) * sorted.length) / MAX_VALUES)]!
  })
}

/** Rows of each chain of turns. */
function turnCounts({ columns }: Plan, rows: readonly number[]): number[] {
  const root = new Map<number, number>()
  const counts = new Map<number, number>()
  for (const row of rows) {
    const first = root.get(columns.parent[row]!) ?? row
    root.set(row, first)
    counts.set(first, (counts.get(first) ?? 0) + 1)
  }
  return [...counts.values()]
}

function thinkSeconds({ columns }: Plan, rows: readonly number[]): number[] {
  return rows
    .filter((row) => columns.parent[row] !== NONE)
    .map((row) => columns.thinkUs[row]! / 1e6)
}

/** Tokens of the longest prefix that at least half of the requests begin with. */
function systemTokens({ columns, blocks }: Plan, rows: readonly number[]): number {
  const uses = new Uint32Array(blocks.id.length)
  for (const row of rows) if (columns.leaf[row] !== NONE) uses[columns.leaf[row]!]! += 1
  for (let block = uses.length - 1; block >= 0; block -= 1) {
    if (blocks.parent[block] !== NONE) uses[blocks.parent[block]!]! += uses[block]!
  }
  const ends = endTokens(blocks)
  let longest = 0
  for (let block = 0; block < uses.length; block += 1) {
    if (uses[block]! * 2 >= rows.length && rows.length > 1)
      longest = Math.max(longest, ends[block]!)
  }
  return longest
}

/** What each turn adds to what was said before, with its answer; prompt and answer stay together. */
function sizePairs(plan: Plan, rows: readonly number[], system: number): number[][] {
  const { promptTokens, outputTokens, parent } = plan.columns
  const draw = drawFor('1', 'fit pairs')
  const chosen =
    rows.length <= MAX_VALUES
      ? rows
      : rows.toSorted((a, b) => draw(a) - draw(b)).slice(0, MAX_VALUES)
  return chosen.map((row) => {
    const before = parent[row]!
    const said = before === NONE ? system : promptTokens[before]! + outputTokens[before]!
    return [Math.max(1, promptTokens[row]! - said), outputTokens[row]!]
  })
}

function hangUpEntry({ columns }: Plan, rows: readonly number[]): ClassEntry {
  const hungUp = rows.filter((row) => (columns.flags[row]! & (ABORT_BY_TIME | ABORT_BY_TOKENS)) > 0)
  if (hungUp.length === 0) return {}
  const read = hungUp.map((row) =>
    (columns.flags[row]! & ABORT_BY_TOKENS) > 0 ? columns.abortAt[row]! : 0,
  )
  return { hang_ups: { share: hungUp.length / rows.length, after_tokens: valuesEntry(read) } }
}
