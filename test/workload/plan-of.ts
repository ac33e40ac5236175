/** A plan from rows and flags as a user would give them, defaults for the rest. */
import type { BlockRow, RequestRow } from '../../src/trace/columns.ts'
import type { TraceReader } from '../../src/trace/trace.ts'
import { buildPlan } from '../../src/workload/build-plan.ts'
import {
  parseWorkloadOptions,
  WORKLOAD_FLAGS,
  type RawWorkloadOptions,
} from '../../src/workload/options.ts'
import type { Plan } from '../../src/workload/plan.ts'
import { demandTrace } from '../support/demand-trace.ts'

export const DEFAULTS = Object.fromEntries(
  Object.entries(WORKLOAD_FLAGS).map(([key, flag]) => [
    key,
    'default' in flag ? flag.default : undefined,
  ]),
) as RawWorkloadOptions

export async function planOf(
  rows: readonly Partial<RequestRow>[],
  raw: Partial<RawWorkloadOptions> = {},
  blocks: readonly BlockRow[] = [],
): Promise<Plan> {
  return planOfTrace(demandTrace(rows, blocks), raw)
}

export async function planOfTrace(
  trace: TraceReader,
  raw: Partial<RawWorkloadOptions> = {},
): Promise<Plan> {
  return buildPlan(trace, parseWorkloadOptions({ ...DEFAULTS, ...raw }))
}
