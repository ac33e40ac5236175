/** What one public format needs to be written from a trace. Types only. */
import type { RequestColumn } from '../trace/columns.ts'
import type { TraceReader } from '../trace/trace.ts'

/** The programs whose reading of Mooncake rows differs; `docs/formats.md` says how. */
export const CONSUMERS = ['aiperf', 'guidellm', 'vllm', 'dynamo', 'kvcache-simulator'] as const
export type Consumer = (typeof CONSUMERS)[number]

export type ExportOptions = Readonly<{
  /** Where it goes; a format of two files names the second after it. */
  output: string
  consumer: Consumer | null
}>

export type Output = Readonly<{
  write(content: string | Uint8Array): Promise<void>
  /** A second file beside the first, e.g. a header; whole, under `output` plus this ending. */
  beside(ending: string, content: string): void
}>

/** Rows that were left out, by reason. */
export type ExportResult = Readonly<{
  rowCount: number
  skipped: ReadonlyMap<string, number>
  notes: readonly string[]
}>

export type Exporter = Readonly<{
  /** What `--to` takes. */
  name: string
  title: string
  /** The ending of an output that means this format without `--to`; null for none. */
  ending: string | null
  /** Columns of `request` that survive; everything else that a trace holds is listed as lost. */
  holds: readonly RequestColumn[]
  write(reader: TraceReader, output: Output, options: ExportOptions): Promise<ExportResult>
}>
