/** A report of files. Effects: reads traces. */
import { openTrace } from '../trace/open.ts'
import { buildReport, type Report } from './report.ts'

/** @throws TraceError TRACE_UNREADABLE or TRACE_NEWER */
export async function reportFile(
  runPath: string,
  options: Readonly<{ againstPath?: string | undefined }> = {},
): Promise<Report> {
  const run = await openTrace(runPath)
  try {
    const against = options.againstPath === undefined ? null : await openTrace(options.againstPath)
    try {
      return await buildReport(run, against)
    } finally {
      await against?.close()
    }
  } finally {
    await run.close()
  }
}
