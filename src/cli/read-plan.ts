/** A trace's path becomes the plan of what is to be sent. Effects: reads the trace. */
import { openTrace } from '../trace/open.ts'
import { buildPlan } from '../workload/build-plan.ts'
import type { WorkloadOptions } from '../workload/options.ts'
import type { Plan } from '../workload/plan.ts'

export async function readPlan(path: string, workload: WorkloadOptions): Promise<Plan> {
  const reader = await openTrace(path)
  try {
    return await buildPlan(reader, workload, { path })
  } finally {
    await reader.close()
  }
}
