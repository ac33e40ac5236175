/** Anything that holds requests → a trace, or a public format. Effects: reads and writes files. */
import { basename } from 'node:path'
import { TraceError } from '../base/errors.ts'
import { publish, checkOutput, removeFile, temporaryPath } from '../base/files.ts'
import type { World } from '../base/world.ts'
import { copyTrace } from '../trace/copy.ts'
import { createTrace, writeTrace } from '../trace/create.ts'
import { MappedReader } from '../trace/mapped-reader.ts'
import { openTrace } from '../trace/open.ts'
import type { TraceReader } from '../trace/trace.ts'
import { exportTrace, type ExportSummary } from './export.ts'
import type { Exporter } from './exporter.ts'
import { EXPORTERS } from './exporters.ts'
import { openImport } from './import.ts'
import type { ImportSummary } from './import-state.ts'
import type { ConvertOptions } from './options.ts'
import { isTraceInput } from './source.ts'

export type Conversion = Readonly<{
  output: string
  rowCount: number
  /** What was read, where the input was no trace. */
  imported: ImportSummary | null
  /** What was written, where the output is no trace. */
  exported: ExportSummary | null
  /** False where the input was a trace without its end: cut off, or still being written. */
  isWhole: boolean
  /** Of the trace that was written. */
  rowDigest: string | null
  spanUs: number
}>

export async function convertTrace(options: ConvertOptions, world: World): Promise<Conversion> {
  const exporter = exporterOf(options)
  checkOutput(options.output, options.isForced)
  if (options.format === null && (await isTraceInput(options.input))) {
    const reader = await openTrace(options.input)
    try {
      return exporter === null
        ? await copied(reader, options)
        : await exported(reader, exporter, options, null)
    } finally {
      await reader.close()
    }
  }
  const ending = exporter === null ? endingOf(options.output) : '.arrow'
  const temporary = `${temporaryPath(options.output)}${ending}`
  try {
    const imported = await importInto(temporary, options, world)
    const conversion = await finished(temporary, exporter, options, imported)
    if (exporter === null) await publish(temporary, options.output)
    return conversion
  } finally {
    await removeFile(temporary)
  }
}

function endingOf(path: string): string {
  return path.endsWith('.sqlite') ? '.sqlite' : '.arrow'
}

/** The output's ending decides, unless `--to` or `--for` names a format. */
function exporterOf({ output, target }: ConvertOptions): Exporter | null {
  if (target === null) {
    if (/\.(?:sqlite|arrow)$/.test(output)) return null
    const exporter = EXPORTERS.find(({ ending }) => ending !== null && output.endsWith(ending))
    if (exporter !== undefined) return exporter
    throw new TraceError('BAD_OPTION', `${basename(output)}: its ending names no format`, {
      hint: 'End it in .sqlite, .arrow, .csv, .jsonl or .parquet, or name a format with --to.',
    })
  }
  const exporter = EXPORTERS.find(({ name }) => name === target)
  if (exporter === undefined) throw new TraceError('BAD_OPTION', `--to knows no ${target}`)
  return exporter
}

/** What was read, described or written on; a trace appears under its own name only after this. */
async function finished(
  temporary: string,
  exporter: Exporter | null,
  options: ConvertOptions,
  imported: ImportSummary,
): Promise<Conversion> {
  const reader = await openTrace(temporary)
  try {
    return exporter === null
      ? await described(reader, options.output, imported)
      : await exported(reader, exporter, options, imported)
  } finally {
    await reader.close()
  }
}

async function importInto(
  temporary: string,
  options: ConvertOptions,
  world: World,
): Promise<ImportSummary> {
  const source = await openImport(options, world)
  const writer = await createTrace(temporary, source.header)
  let summary: ImportSummary
  try {
    summary = await source.run(writer)
    if (summary.rowCount === 0) throw empty(summary)
    await writer.finish(summary.header)
  } catch (error) {
    await writer.abandon()
    throw error
  }
  if (summary.shiftUs > 0) await shift(temporary, summary.shiftUs)
  return summary
}

function empty({ title, faults }: ImportSummary): TraceError {
  const [first] = faults
  const reason = first === undefined ? '' : `: line ${first.firstLine}: ${first.reason}`
  return new TraceError('TRACE_UNREADABLE', `no row could be read as ${title}${reason}`, {
    hint: 'Is it that format? --format names another.',
  })
}

/** Moves all rows, because one that came later in the file was earlier than the first. */
async function shift(path: string, shiftUs: number): Promise<void> {
  const reader = await openTrace(path)
  try {
    const moved = new MappedReader(reader, { shiftUs, seqBase: 0, apart: null })
    const { originWallUs } = reader.header
    const origin = originWallUs === null ? null : originWallUs - shiftUs
    await writeTrace(path, { ...reader.header, originWallUs: origin }, true, (writer) =>
      copyTrace(moved, writer),
    )
  } finally {
    await reader.close()
  }
}

async function copied(reader: TraceReader, options: ConvertOptions): Promise<Conversion> {
  await writeTrace(options.output, reader.header, options.isForced, (writer) =>
    copyTrace(reader, writer),
  )
  const written = await openTrace(options.output)
  try {
    return { ...(await described(written, options.output, null)), isWhole: reader.isComplete }
  } finally {
    await written.close()
  }
}

async function exported(
  reader: TraceReader,
  exporter: Exporter,
  options: ConvertOptions,
  imported: ImportSummary | null,
): Promise<Conversion> {
  const summary = await exportTrace(reader, exporter, options)
  const { rowCount } = summary
  const { output } = options
  const isWhole = reader.isComplete
  return { output, rowCount, imported, exported: summary, isWhole, rowDigest: null, spanUs: 0 }
}

async function described(
  reader: TraceReader,
  output: string,
  imported: ImportSummary | null,
): Promise<Conversion> {
  let lastUs = 0
  for await (const { rowCount, columns } of reader.requests(['atUs'])) {
    lastUs = columns.atUs[rowCount - 1] ?? lastUs
  }
  const { counts, rowDigest } = reader.header
  return {
    output,
    rowCount: counts?.request ?? 0,
    imported,
    exported: null,
    isWhole: true,
    rowDigest,
    spanUs: lastUs,
  }
}
