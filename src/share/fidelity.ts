/** How much a trace changed: arrivals, lengths, burstiness, shared prefixes. Pure, but for the readers. */
import { dispersionIndex } from '../stats/arrivals.ts'
import { ksDistance } from '../stats/distance.ts'
import { IdIndex } from '../trace/id-index.ts'
import type { TraceReader } from '../trace/trace.ts'

export type Fidelity = Readonly<{
  arrivalKs: number
  promptKs: number
  outputKs: number
  /** Index of dispersion of counts, before and after, by window. */
  dispersion: readonly Readonly<{ windowUs: number; before: number; after: number }>[]
  /** Share of prompt tokens seen before, infinite cache, whole chains from the root. */
  hitBefore: number
  hitAfter: number
}>

type Figures = Readonly<{
  atUs: Float64Array
  prompts: Float64Array
  outputs: Float64Array
  hitShare: number
}>

const WINDOWS_US = [1_000_000, 10_000_000, 60_000_000] as const

export async function compareTraces(before: TraceReader, after: TraceReader): Promise<Fidelity> {
  const [from, to] = [await figuresOf(before), await figuresOf(after)]
  return {
    arrivalKs: ksDistance(from.atUs, to.atUs),
    promptKs: ksDistance(from.prompts, to.prompts),
    outputKs: ksDistance(from.outputs, to.outputs),
    dispersion: WINDOWS_US.map((windowUs) => ({
      windowUs,
      before: dispersionIndex(from.atUs, windowUs),
      after: dispersionIndex(to.atUs, windowUs),
    })),
    hitBefore: from.hitShare,
    hitAfter: to.hitShare,
  }
}

async function figuresOf(reader: TraceReader): Promise<Figures> {
  const tree = await blockTree(reader)
  const atUs: number[] = []
  const prompts: number[] = []
  const outputs: number[] = []
  const seen = new Uint8Array(tree.parents.length)
  let hitTokens = 0
  let allTokens = 0
  for await (const batch of reader.requests([
    'atUs',
    'promptTokens',
    'outputTokens',
    'prefixLeaf',
  ])) {
    for (let row = 0; row < batch.rowCount; row += 1) {
      const prompt = batch.columns.promptTokens[row] ?? Number.NaN
      const output = batch.columns.outputTokens[row] ?? Number.NaN
      atUs.push(batch.columns.atUs[row] ?? 0)
      if (!Number.isNaN(prompt)) prompts.push(prompt)
      if (!Number.isNaN(output)) outputs.push(output)
      const leaf = batch.columns.prefixLeaf[row] ?? 0n
      const hits = hitsOf(leaf === 0n ? -1 : tree.index.get(leaf), tree, seen)
      hitTokens += Math.min(hits, prompt || 0)
      allTokens += prompt || 0
    }
  }
  const sorted = Float64Array.from(atUs).toSorted()
  const hitShare = allTokens === 0 ? 0 : hitTokens / allTokens
  return {
    atUs: sorted,
    prompts: Float64Array.from(prompts),
    outputs: Float64Array.from(outputs),
    hitShare,
  }
}

type Tree = Readonly<{ index: IdIndex; parents: number[]; tokens: number[] }>

async function blockTree(reader: TraceReader): Promise<Tree> {
  const tree: Tree = { index: new IdIndex(), parents: [], tokens: [] }
  for await (const { rowCount, columns } of reader.blocks()) {
    for (let row = 0; row < rowCount; row += 1) {
      if (!tree.index.add(columns.id[row] ?? 0n, tree.parents.length)) continue
      const parent = columns.parent[row] ?? 0n
      tree.parents.push(parent === 0n ? -1 : tree.index.get(parent))
      tree.tokens.push(columns.tokens[row] || 0)
    }
  }
  return tree
}

/** Tokens of the blocks that an earlier request had; marks this request's as seen. */
function hitsOf(leaf: number, { parents, tokens }: Tree, seen: Uint8Array): number {
  let hitTokens = 0
  for (let block = leaf; block >= 0; block = parents[block] ?? -1) {
    if (seen[block] === 1) hitTokens += tokens[block] ?? 0
    seen[block] = 1
  }
  return hitTokens
}
