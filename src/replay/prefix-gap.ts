/** Prefix tokens that a plan promised and a server served, and where the difference went. Pure. */
import type { RequestRow, SampleRow } from '../trace/columns.ts'
import { cacheTree } from '../workload/cache-tree.ts'
import { NONE, type Plan } from '../workload/plan.ts'
import { createPrefixCache } from '../workload/prefix-cache.ts'
import { UnboundedCache } from '../workload/unbounded-cache.ts'

/** All in tokens. */
export type PrefixGap = Readonly<{
  /** Of the prompts that were sent. */
  prompts: number
  /** Of them, what an endless cache without blocks would serve. */
  shared: number
  /** The same in whole blocks of the server, one request at a time: what it could serve at most. */
  predicted: number
  served: number
  /** Who says what was served: the answers' usage, or the server's counters, other traffic included. */
  source: 'usage' | 'counters'
  blockTokens: number
  /** Fewer than predicted, because … */
  causes: Readonly<{
    /** … the prompt with the same prefix was still being read. At most. */
    inFlight: number
    /** … the cache is smaller than the load's blocks. */
    evicted: number
    /** … answers that later turns quote were not held. At most. */
    answers: number
    unexplained: number
  }>
}>

export type PrefixFacts = Readonly<{
  /** Of the server's cache. */
  blockTokens: number
  /** null: not told. */
  capacityTokens: number | null
  /** One for each of the plan's shapes: those with equal names share a cache. */
  cacheNames: readonly string[]
}>

export type PrefixPlan = Pick<Plan, 'count' | 'columns' | 'blocks'>

/** Larger runs are not looked at: each row is kept until the end, in 20 bytes. */
export const MOST_ROWS = 2_000_000

export class PrefixWatch {
  readonly #plan: PrefixPlan
  readonly #facts: PrefixFacts
  /** Later turns quote answers. */
  readonly #isSession: boolean
  readonly #sentAtUs: Float64Array
  readonly #heldAtUs: Float64Array
  readonly #cached: Int32Array

  constructor(plan: PrefixPlan, facts: PrefixFacts, isSession: boolean) {
    this.#plan = plan
    this.#facts = facts
    this.#isSession = isSession
    this.#sentAtUs = new Float64Array(plan.count).fill(Number.NaN)
    this.#heldAtUs = new Float64Array(plan.count).fill(Number.NaN)
    this.#cached = new Int32Array(plan.count).fill(-1)
  }

  add(index: number, row: Partial<RequestRow>): void {
    const { atUs, lagUs, ttftUs, e2eUs, cachedTokens } = row
    if (atUs === undefined || lagUs === null || lagUs === undefined) return
    const sentAtUs = atUs + lagUs
    this.#sentAtUs[index] = sentAtUs
    const readUs = ttftUs ?? e2eUs
    if (readUs !== null && readUs !== undefined) this.#heldAtUs[index] = sentAtUs + readUs
    this.#cached[index] = cachedTokens ?? -1
  }

  /** @returns null where nothing is shared, or nobody tells what was served */
  finish(samples: readonly SampleRow[]): PrefixGap | null {
    const { columns } = this.#plan
    const { blockTokens, capacityTokens } = this.#facts
    const order = this.#inOrder(this.#sentAtUs)
    const served = this.#servedTokens(order, samples)
    const shared = this.#serial(order, 1, null, this.#isSession)
    if (served === null || shared === 0) return null
    const plain = this.#serial(order, blockTokens, null)
    const bounded =
      capacityTokens === null ? plain : this.#serial(order, blockTokens, capacityTokens)
    const timed = this.#timed(order)
    const predicted = this.#isSession ? this.#serial(order, blockTokens, null, true) : plain
    const causes = attribute(predicted - served.tokens, {
      evicted: plain - bounded,
      inFlight: plain - timed,
      answers: predicted - plain,
    })
    return {
      prompts: order.reduce((sum, index) => sum + columns.promptTokens[index]!, 0),
      shared,
      predicted,
      served: served.tokens,
      source: served.source,
      blockTokens,
      causes,
    }
  }

  /** Indexes of those that have a time, by it. */
  #inOrder(timesUs: Float64Array): Uint32Array {
    const known = Uint32Array.from({ length: timesUs.length }, (_, index) => index).filter(
      (index) => !Number.isNaN(timesUs[index]!),
    )
    return known.toSorted((a, b) => timesUs[a]! - timesUs[b]! || a - b)
  }

  #servedTokens(order: Uint32Array, samples: readonly SampleRow[]) {
    const told = order.filter((index) => this.#cached[index]! >= 0)
    const tokens = told.reduce((sum, index) => sum + this.#cached[index]!, 0)
    // A server that tells it for some endpoints only would seem to serve less than it does.
    if (told.length > 0.99 * order.length) return { tokens, source: 'usage' as const }
    const counted = growthOf(samples, 'vllm:prefix_cache_hits_total')
    return counted === null ? null : { tokens: counted, source: 'counters' as const }
  }

  #cacheNameOf(index: number): string {
    return this.#facts.cacheNames[this.#plan.columns.shape[index]!] ?? ''
  }

  /** Tokens served if each request came when the one before it had been read. */
  #serial(
    order: Uint32Array,
    blockTokens: number,
    capacityTokens: number | null,
    withAnswers = false,
  ): number {
    const { columns, blocks } = this.#plan
    const { leaf, promptTokens, outputTokens, parent } = columns
    const caches = byName(() =>
      createPrefixCache(blocks, { rule: 'engine', blockTokens, capacityTokens }),
    )
    let hits = 0
    for (const index of order) {
      const cache = caches(this.#cacheNameOf(index))
      const before = parent[index]!
      if (withAnswers && before !== NONE) {
        // The last token of an answer is never computed, so it is in no block.
        cache.keep(leaf[index]!, promptTokens[before]! + outputTokens[before]! - 1)
      }
      hits += cache.serve(leaf[index]!, promptTokens[index]!)
    }
    return hits
  }

  /** Tokens served if a prompt is held from its first token on, and looked up when it is sent. */
  #timed(order: Uint32Array): number {
    const { columns, blocks } = this.#plan
    const { leaf, promptTokens } = columns
    const tree = cacheTree(blocks, 'engine', this.#facts.blockTokens)
    const caches = byName(() => new UnboundedCache(tree))
    const read = this.#inOrder(this.#heldAtUs)
    let next = 0
    let hits = 0
    for (const index of order) {
      const sentAtUs = this.#sentAtUs[index]!
      for (; next < read.length && this.#heldAtUs[read[next]!]! <= sentAtUs; next += 1) {
        const done = read[next]!
        caches(this.#cacheNameOf(done)).keep(leaf[done]!, promptTokens[done]!)
      }
      hits += caches(this.#cacheNameOf(index)).find(leaf[index]!, promptTokens[index]!)
    }
    return hits
  }
}

function byName<C>(make: () => C): (name: string) => C {
  const caches = new Map<string, C>()
  return (name) => {
    const found = caches.get(name) ?? make()
    caches.set(name, found)
    return found
  }
}

type Causes = PrefixGap['causes']

/** Each cause explains as much as it can of what is left, in the order in which they are sure. */
export function attribute(gapTokens: number, most: Readonly<Omit<Causes, 'unexplained'>>): Causes {
  let left = Math.max(0, gapTokens)
  const take = (tokens: number) => {
    const taken = Math.min(left, Math.max(0, tokens))
    left -= taken
    return taken
  }
  const evicted = take(most.evicted)
  const inFlight = take(most.inFlight)
  const answers = take(most.answers)
  return { evicted, inFlight, answers, unexplained: left }
}

/** Over all label sets, from the first scrape to the last. */
function growthOf(samples: readonly SampleRow[], metric: string): number | null {
  const rows = samples.filter((row) => row.metric === metric)
  const firstUs = rows.reduce((least, { atUs }) => Math.min(least, atUs), Number.POSITIVE_INFINITY)
  const lastUs = rows.reduce((most, { atUs }) => Math.max(most, atUs), Number.NEGATIVE_INFINITY)
  if (!(lastUs > firstUs)) return null
  const at = (atUs: number) =>
    rows.filter((row) => row.atUs === atUs).reduce((sum, { value }) => sum + value, 0)
  return at(lastUs) - at(firstUs)
}
