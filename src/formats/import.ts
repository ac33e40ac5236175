/** Any public format → a trace, in constant memory where the format allows. Effects: disk, network. */
import { TraceError } from '../base/errors.ts'
import { isPlainFile, readRange } from '../base/files.ts'
import type { World } from '../base/world.ts'
import type { TraceHeader } from '../trace/header.ts'
import { newHeader } from '../trace/header.ts'
import type { TraceWriter } from '../trace/trace.ts'
import { readAll } from './byte-text.ts'
import { headOf, type Head } from './head.ts'
import { ImportState, type ImportOptions, type ImportSummary } from './import-state.ts'
import type { Importer } from './importer.ts'
import { findImporter, namedImporter } from './importers.ts'
import { parseJson } from './json-text.ts'
import { lineRuns } from './line-text.ts'
import { RowFault } from './row-fault.ts'
import { openSource, sourceNames, type Source } from './source.ts'

export type OpenedImport = Readonly<{
  importer: Importer
  header: TraceHeader
  /** Reads everything into the writer, which it leaves open. */
  run(writer: TraceWriter): Promise<ImportSummary>
}>

/**
 * Opens the input and finds its format; nothing is written yet.
 *
 * @throws TraceError FORMAT_UNKNOWN or TRACE_UNREADABLE
 */
export async function openImport(options: ImportOptions, world: World): Promise<OpenedImport> {
  const names = await sourceNames(options.input)
  const first = await firstReadable(names, options, world)
  const { importer, head } = first
  const header = newHeader(importer.traceKind ?? 'imported', {
    capture: { policy: `imported ${importer.name}`, samplingShare: 1, sampledBy: null, notes: [] },
  })
  return {
    importer,
    header,
    async run(writer) {
      const state = new ImportState(head.bytes, options, importer)
      for (const [index, name] of names.slice(first.index).entries()) {
        const source = index === 0 ? first.source : await openSource(name, world)
        if (source.head.byteLength === 0) {
          state.context.note('empty files were passed over')
          continue
        }
        await readSource(source, importer, state, writer)
      }
      await drain(state, writer, true)
      return state.summary()
    },
  }
}

type FirstSource = Readonly<{ source: Source; importer: Importer; head: Head; index: number }>

/** An empty file in a folder of conversations is no fault; the first that has bytes names the format. */
async function firstReadable(
  names: readonly string[],
  options: ImportOptions,
  world: World,
): Promise<FirstSource> {
  for (const [index, name] of names.entries()) {
    const source = await openSource(name, world)
    if (source.head.byteLength === 0) continue
    const head = headOf(source.head)
    const importer =
      options.format === null ? findImporter(head) : namedImporter(options.format, head)
    if (importer !== null) return { source, importer, head, index }
    if (names.length === 1) throw unknown(name, head)
  }
  throw unknown(options.input)
}

function unknown(name: string, head?: Head): TraceError {
  const isHeadless = head !== undefined && head.columns.length > 1 && head.columns.some(isValue)
  const options = isHeadless ? { hint: HEADLESS } : {}
  return new TraceError('FORMAT_UNKNOWN', `${name} is in no format that is known here`, options)
}

const HEADLESS = 'Its first line holds values, not the names of columns: put those above it.'

function isValue(field: string): boolean {
  return field !== '' && Number.isFinite(Number(field))
}

async function readSource(
  source: Source,
  importer: Importer,
  state: ImportState,
  writer: TraceWriter,
): Promise<void> {
  state.startFile(source.name)
  if (importer.unit === 'line') {
    await readLines(source, importer, state, writer)
    return
  }
  try {
    if (importer.unit === 'table') {
      const table = await tableOf(source)
      await importer.readTable(table, state.context, () => drain(state, writer, false))
      return
    }
    const bytes = await readAll(source.chunks, source.name)
    if (importer.unit === 'bytes') await importer.readBytes(bytes, state.context)
    else importer.read(documentOf(bytes, source.name), state.context)
  } catch (error) {
    if (!(error instanceof RowFault)) throw error
    throw new TraceError('TRACE_UNREADABLE', `${source.name}: ${error.message}`, {
      hint: `It was read as ${importer.title}; --format names another.`,
    })
  }
  await drain(state, writer, false)
}

/** Its path, where the file is what was recognised and not packed; else all its bytes. */
async function tableOf({ name, head, chunks }: Source): Promise<string | Uint8Array> {
  const start = head.subarray(0, 4)
  const isHere = (await isPlainFile(name)) && start.equals(await readRange(name, 0, 4))
  if (!isHere) return readAll(chunks, name)
  // What was opened to look at its head is closed.
  const reading = chunks[Symbol.asyncIterator]()
  await reading.next()
  await reading.return?.()
  return name
}

/** @throws TraceError TRACE_UNREADABLE, also where several documents follow one another */
function documentOf(bytes: Uint8Array, name: string): unknown {
  try {
    return parseJson(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new TraceError('TRACE_UNREADABLE', `${name} is not one JSON document`, {
      hint: 'Is it cut off? Of several documents in a row, `jq -s .` makes one list.',
      cause: error,
    })
  }
}

async function readLines(
  source: Source,
  importer: Importer & { unit: 'line' },
  state: ImportState,
  writer: TraceWriter,
): Promise<void> {
  const reader = importer.begin(state.context, headOf(source.head))
  // Remarks may stand above the first line.
  let isBegun = false
  for await (const lines of lineRuns(source.chunks, source.name)) {
    for (const line of lines) {
      state.line += 1
      const text = line.endsWith('\r') ? line.slice(0, -1) : line
      isBegun ||= !/^\s*(?:#|$)/.test(text)
      if (!isBegun || text.trim() === '') continue
      try {
        reader.line(text)
      } catch (error) {
        if (!(error instanceof RowFault)) throw error
        state.fault(error.message)
      }
      if (state.isWaiting) await drain(state, writer, false)
    }
  }
  try {
    reader.end?.()
  } catch (error) {
    if (!(error instanceof RowFault)) throw error
    state.fault(error.message)
  }
}

async function drain(state: ImportState, writer: TraceWriter, isEnd: boolean): Promise<void> {
  const blocks = state.blocks.takeBlocks()
  if (blocks.length > 0) await writer.addBlocks(blocks)
  for (const batch of state.sink.take(isEnd)) {
    await writer.addRequestBatch(batch)
  }
}
