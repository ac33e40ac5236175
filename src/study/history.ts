/** Reads the results in a folder, in order of time. Effects: reads traces. */
import { join } from 'node:path'
import { TraceError } from '../base/errors.ts'
import { listFolder } from '../base/files.ts'
import type { HistoryRun } from '../report/history.ts'
import { buildReport } from '../report/report.ts'
import { openTrace } from '../trace/open.ts'

/** By the wall clock of their origin, then by name: results of one study are named in order. */
export async function readRuns(folder: string): Promise<HistoryRun[]> {
  const names = ((await listFolder(folder)) ?? []).filter((name) =>
    /\.(?:sqlite|arrow)$/.test(name),
  )
  const runs: HistoryRun[] = []
  for (const name of names) {
    const reader = await openTrace(join(folder, name))
    try {
      if (reader.header.kind !== 'replayed') continue
      const report = await buildReport(reader, null)
      runs.push({ name, at_us: reader.header.originWallUs, report })
    } finally {
      await reader.close()
    }
  }
  if (runs.length > 0) return runs.toSorted((a, b) => (a.at_us ?? 0) - (b.at_us ?? 0))
  throw new TraceError('BAD_OPTION', `${folder} holds no result of a replay`, {
    hint: '`trace replay … --out FOLDER/NAME.sqlite` puts one there.',
  })
}
