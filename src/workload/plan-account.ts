/** What `trace plan` says about a plan: the load after each step, what is in it, and what was left out. */
import type { TraceReader } from '../trace/trace.ts'
import { buildPlan } from './build-plan.ts'
import { coarseQuantumUs } from './dequantise.ts'
import { DEFAULT_BLOCK_TOKENS, loadFigures, type LoadFigures } from './load-figures.ts'
import { loadSeries, type LoadPoint } from './load-series.ts'
import type { WorkloadOptions } from './options.ts'
import {
  ABORT_BY_TIME,
  ABORT_BY_TOKENS,
  FAILED_IN_SOURCE,
  SIZES_ESTIMATED,
  type Plan,
  type PlanStep,
} from './plan.ts'

export type PlanAccount = Readonly<{
  plan: Plan
  /** The load after each step; the first is what the window holds. */
  steps: readonly (PlanStep & Readonly<{ figures: LoadFigures }>)[]
  /** The load over time, before and after; null where no picture was asked for. */
  series: Readonly<{ before: readonly LoadPoint[]; after: readonly LoadPoint[] }> | null
  /** Step of a clock so coarse that it distorts bursts, and nothing was done about it. */
  quantumUs: number | null
  /** --dequantise was asked for, and no coarse step was found. */
  isFine: boolean
  /** Block size that prefix shares are counted in. */
  blockTokens: number
  /** Hung up after a time, before the first token; and after so many tokens. */
  hangUps: Readonly<{ waited: number; counted: number }>
  failedInSource: number
  sizesEstimated: number
}>

/** Builds the plan and looks at the load after each step. */
export async function accountFor(
  reader: TraceReader,
  options: WorkloadOptions,
  { path, isPictured }: Readonly<{ path: string; isPictured: boolean }>,
): Promise<PlanAccount> {
  const blockTokens = reader.header.server.blockTokens ?? DEFAULT_BLOCK_TOKENS
  const steps: (PlanStep & { figures: LoadFigures })[] = []
  const before: LoadPoint[][] = []
  const quanta: (number | null)[] = []
  const plan = await buildPlan(reader, options, {
    path,
    onStep: (step, columns, blocks) => {
      if (isPictured && before.length === 0) before.push(loadSeries(columns))
      if (steps.length === 0) quanta.push(coarseQuantumUs(columns.dueUs))
      steps.push({ ...step, figures: loadFigures(columns, blocks, blockTokens) })
    },
  })
  const { flags } = plan.columns
  return {
    plan,
    steps,
    series: before[0] === undefined ? null : { before: before[0], after: loadSeries(plan.columns) },
    quantumUs: options.isDequantised ? null : (quanta[0] ?? null),
    isFine: options.isDequantised && steps.every(({ name }) => name !== 'dequantise'),
    blockTokens,
    hangUps: { waited: marked(flags, ABORT_BY_TIME), counted: marked(flags, ABORT_BY_TOKENS) },
    failedInSource: marked(flags, FAILED_IN_SOURCE),
    sizesEstimated: marked(flags, SIZES_ESTIMATED),
  }
}

function marked(flags: Uint16Array, bit: number): number {
  let count = 0
  for (const value of flags) if ((value & bit) > 0) count += 1
  return count
}
