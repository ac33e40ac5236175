/** `trace plan`: what a replay with the same flags would send, and when. Sends nothing. */
import { Command } from 'commander'
import { createWhole, refuseExisting } from '../base/files.ts'
import { openTrace } from '../trace/open.ts'
import { parseWorkloadOptions, type RawWorkloadOptions } from '../workload/options.ts'
import { accountFor } from '../workload/plan-account.ts'
import { planCsv } from '../workload/plan-csv.ts'
import { formatPlan, planJson } from '../workload/plan-text.ts'
import type { Plan } from '../workload/plan.ts'
import type { Verb } from './verbs.ts'
import { addWorkloadFlags } from './workload-flags.ts'

type RawPlanOptions = RawWorkloadOptions & { json?: true; out?: string; force?: true }

export const planCommand: Verb = (world) =>
  addWorkloadFlags(
    new Command('plan')
      .description('Shows what a replay would send and when, before and after each transform.')
      .argument('<trace>', 'file, or the directory of a recording'),
  )
    .option('--json', 'all figures as one JSON document')
    .option('--out <file>', 'every row of the plan, as CSV')
    .option('--force', 'replace the file if it is there')
    .addHelpText(
      'after',
      '\nExamples:\n  $ trace plan prod/ --speed 2x --jitter 20ms --seed 7\n' +
        "  $ trace plan tuesday.sqlite --drift 'input=x1.5 at 10m over 5m'\n",
    )
    .action(async (path: string, raw: RawPlanOptions) => {
      const options = parseWorkloadOptions(raw)
      if (raw.out !== undefined) refuseExisting(raw.out, raw.force === true)
      const reader = await openTrace(path)
      try {
        const account = await accountFor(reader, options, path)
        if (raw.out !== undefined) await writeCsv(raw.out, account.plan)
        world.stdout.write(raw.json === true ? planJson(account) : formatPlan(account))
      } finally {
        await reader.close()
      }
    })

async function writeCsv(path: string, plan: Plan): Promise<void> {
  const file = await createWhole(path)
  try {
    for (const part of planCsv(plan)) await file.write(part)
  } catch (error) {
    await file.abandon()
    throw error
  }
  await file.finish()
}
