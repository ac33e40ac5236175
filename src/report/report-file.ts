/** Reports of files. Effects: reads traces. */
import { openTrace } from '../trace/open.ts'
import { buildReport, type Report, type ReportOptions } from './report.ts'

/** @throws TraceError TRACE_UNREADABLE or TRACE_NEWER */
export async function reportFile(
  runPath: string,
  options: Readonly<{ againstPath?: string | undefined }> & Partial<ReportOptions> = {},
): Promise<Report> {
  const {
    againstPath,
    objectives = [],
    profile = null,
    calibration = null,
    window = null,
  } = options
  const run = await openTrace(runPath)
  try {
    const against = againstPath === undefined ? null : await openTrace(againstPath)
    try {
      return await buildReport(run, against, { objectives, profile, calibration, window })
    } finally {
      await against?.close()
    }
  } finally {
    await run.close()
  }
}
