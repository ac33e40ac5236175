/** How much a trace changed: arrivals, lengths, burstiness, shared prefixes. Pure, but for the readers. */
import { dispersionIndex } from '../stats/arrivals.ts'
import { ksDistance } from '../stats/distance.ts'
import type { TraceReader } from '../trace/trace.ts'
import { halvesOf } from '../workload/block-index.ts'
import { loadBlocks } from '../workload/block-table.ts'
import { NONE, type PlanBlocks } from '../workload/plan.ts'

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
  const { blocks, indexAt } = await loadBlocks(reader)
  const atUs: number[] = []
  const prompts: number[] = []
  const outputs: number[] = []
  const seen = new Uint8Array(blocks.id.length)
  let hitTokens = 0
  let allTokens = 0
  for await (const batch of reader.requests([
    'atUs',
    'promptTokens',
    'outputTokens',
    'prefixLeaf',
  ])) {
    const leaves = halvesOf(batch.columns.prefixLeaf)
    for (let row = 0; row < batch.rowCount; row += 1) {
      const prompt = batch.columns.promptTokens[row] ?? Number.NaN
      const output = batch.columns.outputTokens[row] ?? Number.NaN
      atUs.push(batch.columns.atUs[row] ?? 0)
      if (!Number.isNaN(prompt)) prompts.push(prompt)
      if (!Number.isNaN(output)) outputs.push(output)
      const hits = hitsOf(indexAt(leaves, row), blocks, seen)
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

/** Tokens of the blocks that an earlier request had; marks this request's as seen. */
function hitsOf(leaf: number, { parent, tokens }: PlanBlocks, seen: Uint8Array): number {
  let hitTokens = 0
  for (let block = leaf; block !== NONE; block = parent[block] ?? NONE) {
    if (seen[block] === 1) hitTokens += tokens[block] ?? 0
    seen[block] = 1
  }
  return hitTokens
}
