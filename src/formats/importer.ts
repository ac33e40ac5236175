/** What one public format has to say to become a trace. Types and small adapters. Pure. */
import type { TraceHeader } from '../trace/header.ts'
import type { BlockTrie, LabelPurpose } from './block-trie.ts'
import type { JsonRecord } from './fields.ts'
import { asRecord } from './fields.ts'
import type { Head } from './head.ts'
import { parseJson } from './json-text.ts'
import type { RowSink } from './row-sink.ts'
import type { TimeUnit } from './source-time.ts'
import type { TextBlocks } from './text-blocks.ts'

/** What an importer works with; one for a whole import, also where that reads many files. */
export type ImportContext = Readonly<{
  sink: RowSink
  blocks: BlockTrie
  /** Block ids of formats that carry text; the text itself is dropped at once. */
  text: TextBlocks
  /** The unit that `--time-unit` names, else the format's own. */
  unit(own: TimeUnit): TimeUnit
  /** Something a user should know about this file; said once. */
  note(text: string): void
  /** The dense number of a session, tenant or the like, in order of first appearance. */
  label(purpose: LabelPurpose, sourceId: string): string
  /** Counts a row that is left out, without ending the line it stands in. */
  fault(reason: string): void
  /** Header fields that only the data tells. */
  header: Partial<{ -readonly [K in keyof TraceHeader]: TraceHeader[K] }>
}>

/** Takes one line after the other; throws RowFault where a line cannot become a row. */
export type LineReader = Readonly<{
  line(text: string): void
  /** The same row as an element of a JSON list or a row of a Parquet file. */
  record?(record: JsonRecord): void
  end?(): void
}>

type Common = Readonly<{
  /** What `--format` takes. */
  name: string
  title: string
  /** Whether these first bytes are of this format; asked in the order of the list. */
  recognises(head: Head): boolean
  /** What becomes of the header; 'replayed' for results of another load generator. */
  traceKind?: 'imported' | 'replayed'
  /** Tokens in a block of its prefix ids, where the format fixes it. */
  blockTokens?: number
}>

/** One request a line, or nearly; read in constant memory. Called once for each file. */
export type LineImporter = Common &
  Readonly<{ unit: 'line'; begin(context: ImportContext, head: Head): LineReader }>

/** A whole JSON document; its size is capped. */
export type DocumentImporter = Common &
  Readonly<{ unit: 'document'; read(document: unknown, context: ImportContext): void }>

/** A binary file; its size is capped. */
export type BytesImporter = Common &
  Readonly<{ unit: 'bytes'; readBytes(bytes: Uint8Array, context: ImportContext): Promise<void> }>

/** A file of rows, read part by part where it lies on this disk as it is. */
export type TableImporter = Common &
  Readonly<{
    unit: 'table'
    /** @param drain writes what is waiting, so that it need not be in memory */
    readTable(
      source: string | Uint8Array,
      context: ImportContext,
      drain: () => Promise<void>,
    ): Promise<void>
  }>

export type Importer = LineImporter | DocumentImporter | BytesImporter | TableImporter

/** A reader for formats of one JSON object a line. */
export function jsonLines(row: (record: JsonRecord) => void, end?: () => void): LineReader {
  return {
    line: (text) => row(asRecord(parseJson(text), 'the line')),
    record: row,
    ...(end === undefined ? {} : { end }),
  }
}
