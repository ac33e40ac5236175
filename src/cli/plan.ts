/** `trace plan`: what a replay with the same flags would send, and when. Sends nothing. */
import { basename } from 'node:path'
import { Command } from 'commander'
import { TraceError } from '../base/errors.ts'
import { createWhole, checkOutput, writeWhole } from '../base/files.ts'
import { parseFactor } from '../base/parse.ts'
import { writtenText } from '../report/outputs.ts'
import { openTrace } from '../trace/open.ts'
import { compareScaling, formatScaling } from '../workload/compare-scaling.ts'
import { parseWorkloadOptions, type RawWorkloadOptions } from '../workload/options.ts'
import { accountFor, type PlanAccount } from '../workload/plan-account.ts'
import { planCsv } from '../workload/plan-csv.ts'
import { formatPlan, planJson } from '../workload/plan-text.ts'
import type { Plan } from '../workload/plan.ts'
import type { Verb } from './verbs.ts'
import { addWorkloadFlags } from './workload-flags.ts'

type RawPlanOptions = RawWorkloadOptions & {
  json?: true
  out?: string
  html?: string
  compare?: string
  force?: true
}

export const planCommand: Verb = (world) =>
  addWorkloadFlags(new Command('plan').argument('<trace>', 'file, or the directory of a recording'))
    .option('--json', 'all figures as one JSON document')
    .option('--out <file>', 'every row of the plan, as CSV')
    .option('--html <file>', 'one page with the load before and after')
    .option('--compare <factor>', 'what faster time and more users would each do')
    .option('--force', 'replace the file if it exists')
    .addHelpText(
      'after',
      '\nExamples:\n  $ trace plan prod/ --speed 2x --jitter 20ms --seed 7\n' +
        "  $ trace plan tuesday.sqlite --drift 'input=x1.5 at 10m over 5m'\n",
    )
    .action(async (path: string, raw: RawPlanOptions) => {
      const options = parseWorkloadOptions(raw)
      const factor = raw.compare === undefined ? null : parseFactor('--compare', raw.compare)
      if (factor !== null && (raw.out ?? raw.html) !== undefined) {
        throw new TraceError(
          'BAD_OPTION',
          '--compare shows several plans: --out and --html show one',
        )
      }
      for (const file of [raw.out, raw.html]) {
        if (file !== undefined) checkOutput(file, raw.force === true)
      }
      const reader = await openTrace(path)
      try {
        if (factor !== null) {
          const rows = await compareScaling(reader, options, factor)
          const text =
            raw.json === true ? `${JSON.stringify(rows, null, 2)}\n` : formatScaling(rows)
          world.stdout.write(text)
          return
        }
        const account = await accountFor(reader, options, {
          path,
          isPictured: raw.html !== undefined,
        })
        if (raw.out !== undefined) await writeCsv(raw.out, account.plan)
        if (raw.html !== undefined) await writePage(raw.html, account, path)
        const paths = [raw.out, raw.html].filter((file) => file !== undefined)
        if (paths.length > 0) world.stderr.write(writtenText(paths))
        world.stdout.write(raw.json === true ? planJson(account) : formatPlan(account))
      } finally {
        await reader.close()
      }
    })

/** The chart library is loaded only here: it takes longer than most plans. */
async function writePage(file: string, account: PlanAccount, path: string): Promise<void> {
  const { planPage } = await import('../report/plan-page.ts')
  await writeWhole(file, planPage(account, basename(path)))
}

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
