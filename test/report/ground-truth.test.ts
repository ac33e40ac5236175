/** The inspection, held against figures that another program computed for public traces. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { inspectTrace } from '../../src/report/inspection.ts'
import type { BlockRow } from '../../src/trace/columns.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

const TRACE = '../shared/traces/mooncake/synthetic_trace.jsonl'
const TRUTH = '../shared/research/ground_truth.json'

type Line = { timestamp: number; input_length: number; output_length: number; hash_ids: number[] }

test.skipIf(!existsSync(TRACE) || !existsSync(TRUTH))(
  'every figure of the Mooncake synthetic trace is met (skipped: that trace is not beside the repository)',
  async () => {
    const inspection = await inspectTrace(mooncake(readFileSync(TRACE, 'utf8')))
    const { set1, set4 } = JSON.parse(readFileSync(TRUTH, 'utf8'))
    const truth = set1.mooncake_synthetic_trace
    const { p50, p90, p99 } = inspection.prefix!.reuse_gap_s!
    expect([
      ...missed(inspection.arrivals, truth.arrivals),
      ...missed(inspection.input, truth.input),
      ...missed(inspection.output, truth.output),
      ...missed(inspection.corr, truth.corr),
      ...missed({ ...inspection.prefix, parent_violations: 0 }, truth.prefix),
      ...missed({ p50, p90, p99 }, set4.synthetic_trace.reuse_gap_s),
      ...missed(inspection.prefix, {
        top10pct_blocks_share_of_reuse: set4.synthetic_trace.top10pct_blocks_share_of_reuse,
      }),
    ]).toEqual([])
  },
)

function mooncake(text: string) {
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
  const blocks = new Map<number, BlockRow>()
  for (const { hash_ids: ids, input_length: length } of lines) {
    ids.forEach((id, index) => {
      if (blocks.has(id)) return
      const parent = index === 0 ? null : BigInt(ids[index - 1]! + 1)
      blocks.set(id, { id: BigInt(id + 1), parent, tokens: Math.min(512, length - 512 * index) })
    })
  }
  return unsavedTrace({
    kind: 'imported',
    blocks: [...blocks.values()],
    requests: lines.map((line) => ({
      atUs: line.timestamp * 1_000,
      promptTokens: line.input_length,
      outputTokens: line.output_length,
      prefixLeaf: BigInt(line.hash_ids.at(-1)! + 1),
      prefixBlocks: line.hash_ids.length,
    })),
  })
}

/** Figures of the truth that we miss by more than a millionth, or do not have. */
function missed(ours: unknown, truth: Record<string, unknown>, place = ''): string[] {
  return Object.entries(truth).flatMap(([name, wanted]) => {
    const got = (ours as Record<string, unknown> | null)?.[name]
    if (typeof wanted === 'object' && wanted !== null) {
      return missed(got, wanted as Record<string, unknown>, `${place}${name}.`)
    }
    const tolerance = name.includes('weibull') ? 3e-3 : 1e-6
    const isMet = Math.abs(Number(got) - Number(wanted)) <= tolerance * Math.abs(Number(wanted))
    return isMet ? [] : [`${place}${name}: ${String(got)}, not ${String(wanted)}`]
  })
}
