/** Turns the rows of one class of clients into its entry of a `trace synth` configuration. Pure. */
import type { ArrivalProcess } from './arrival-process.ts'
import { endTokens } from './block-table.ts'
import { fitProcess } from './fit-arrivals.ts'
import { ABORT_BY_TIME, ABORT_BY_TOKENS, NONE, type Plan } from './plan.ts'

/** Plain data, as YAML has it. */
export type ClassEntry = Readonly<Record<string, unknown>>

/** Values that are kept of each set, so that a person can still read the file. */
const MAX_VALUES = 200
/** Pairs of sizes that are kept of all classes together, and of each at least. */
const MAX_PAIRS = 900
const FEWEST_PAIRS = 100

/**
 * @param rows of the plan, ascending
 * @param classCount classes that share the room for pairs
 */
export function classEntry(
  plan: Plan,
  name: string,
  rows: readonly number[],
  classCount: number,
): ClassEntry {
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
    pairs: sizePairs(plan, rows, system, Math.max(FEWEST_PAIRS, MAX_PAIRS / classCount)),
    ...hangUpEntry(plan, rows),
  }
}

function processEntry(process: ArrivalProcess): ClassEntry {
  if (process.process !== 'mmpp') return process
  const states = process.states.map(({ rate, staySec }) => ({ rate, stay_s: staySec }))
  return { process: 'mmpp', states }
}

/** Equal values are said once, with how often they came. */
function valuesEntry(values: readonly number[]): ClassEntry {
  const counts = new Map<number, number>()
  const sorted = values.map((value) => Number(value.toPrecision(4))).toSorted((a, b) => a - b)
  for (const value of sorted) counts.set(value, (counts.get(value) ?? 0) + 1)
  if (counts.size > MAX_VALUES) return { law: 'empirical', values: spread(sorted, MAX_VALUES) }
  return { law: 'empirical', values: [...counts.keys()], weights: [...counts.values()] }
}

/** So many of the sorted items, evenly spread; few stay as they are. */
function spread<T>(sorted: readonly T[], limit: number): T[] {
  const count = Math.min(sorted.length, Math.floor(limit))
  return Array.from(
    { length: count },
    (_, index) => sorted[Math.floor(((index + 0.5) * sorted.length) / count)]!,
  )
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

/**
 * What each turn adds to what was said before, with its answer; prompt and answer stay together.
 *
 * @param limit pairs, as evenly spread as the prompts are long
 */
function sizePairs(
  { columns }: Plan,
  rows: readonly number[],
  system: number,
  limit: number,
): number[][] {
  const { promptTokens, outputTokens, parent } = columns
  const pairs = rows.map((row): [number, number] => {
    const before = parent[row]!
    const said = before === NONE ? system : promptTokens[before]! + outputTokens[before]!
    return [Math.max(1, promptTokens[row]! - said), outputTokens[row]!]
  })
  const sorted = pairs.toSorted(([a, x], [b, y]) => a - b || x - y)
  const counts = new Map<string, number>()
  for (const pair of spread(sorted, limit)) {
    counts.set(pair.join(), (counts.get(pair.join()) ?? 0) + 1)
  }
  return [...counts].map(([pair, count]) => [
    ...pair.split(',').map(Number),
    ...(count === 1 ? [] : [count]),
  ])
}

function hangUpEntry({ columns }: Plan, rows: readonly number[]): ClassEntry {
  const hungUp = rows.filter((row) => (columns.flags[row]! & (ABORT_BY_TIME | ABORT_BY_TOKENS)) > 0)
  if (hungUp.length === 0) return {}
  const read = hungUp.map((row) =>
    (columns.flags[row]! & ABORT_BY_TOKENS) > 0 ? columns.abortAt[row]! : 0,
  )
  return { hang_ups: { share: hungUp.length / rows.length, after_tokens: valuesEntry(read) } }
}
