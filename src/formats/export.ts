/** A trace → a public format, with a list of what that cannot hold. Effects: writes files. */
import { createWhole, checkOutput, writeWhole } from '../base/files.ts'
import { fileName, REQUEST_COLUMN_NAMES, type RequestColumn } from '../trace/columns.ts'
import type { TraceReader } from '../trace/trace.ts'
import type { ExportOptions, Exporter, ExportResult } from './exporter.ts'

export type ExportSummary = ExportResult & Readonly<{ format: string; lost: readonly string[] }>

/** Derived from others on import, or true of every row; nobody misses them. */
const NOT_A_LOSS: readonly RequestColumn[] = ['seq', 'endpoint', 'tokenSource', 'prefixBlocks']

export async function exportTrace(
  reader: TraceReader,
  exporter: Exporter,
  options: ExportOptions & Readonly<{ isForced: boolean }>,
): Promise<ExportSummary> {
  checkOutput(options.output, options.isForced)
  const file = await createWhole(options.output)
  const beside: [string, string][] = []
  try {
    const result = await exporter.write(
      reader,
      {
        write: (content) => file.write(content),
        beside: (ending, content) => void beside.push([options.output + ending, content]),
      },
      options,
    )
    for (const [path, content] of beside) await writeWhole(path, content)
    await file.finish()
    const lost = await lostColumns(reader, exporter)
    return { ...result, format: exporter.name, lost }
  } catch (error) {
    await file.abandon()
    throw error
  }
}

/** Columns that hold something here and have no place there, and tables that are not empty. */
export async function lostColumns(reader: TraceReader, exporter: Exporter): Promise<string[]> {
  const kept = new Set([...exporter.holds, ...NOT_A_LOSS])
  const asked = REQUEST_COLUMN_NAMES.filter((name) => !kept.has(name))
  const found = new Set<RequestColumn>()
  for await (const { rowCount, columns } of reader.requests(asked)) {
    for (const name of asked) {
      if (!found.has(name) && holdsAny(columns[name], rowCount)) found.add(name)
    }
    if (found.size === asked.length) break
  }
  const { counts } = reader.header
  const tables = (['event', 'gap', 'sample'] as const).filter((table) => (counts?.[table] ?? 0) > 0)
  return [...[...found].map(fileName), ...tables.map((table) => `table ${table}`)]
}

function holdsAny(values: ArrayLike<unknown>, rowCount: number): boolean {
  for (let index = 0; index < rowCount; index += 1) {
    const value = values[index]
    if (value !== null && value !== undefined && value !== 0n && !Number.isNaN(value)) return true
  }
  return false
}
