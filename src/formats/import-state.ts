/** What one import has gathered so far: rows, blocks, labels, faults, notes. Pure. */
import { TraceError } from '../base/errors.ts'
import type { TraceHeader } from '../trace/header.ts'
import { BlockTrie, type LabelPurpose } from './block-trie.ts'
import type { ImportContext, Importer } from './importer.ts'
import { FaultTally, type FaultCount } from './row-fault.ts'
import { RowSink } from './row-sink.ts'
import type { TimeUnit } from './source-time.ts'
import { TextBlocks } from './text-blocks.ts'

export type ImportOptions = Readonly<{
  input: string
  format: string | null
  timeUnit: TimeUnit | null
  isStrict: boolean
}>

export type ImportSummary = Readonly<{
  format: string
  title: string
  rowCount: number
  blockCount: number
  faults: readonly FaultCount[]
  notes: readonly string[]
  /** µs by which all rows have to move so that the earliest is at 0; 0 almost always. */
  shiftUs: number
  header: Partial<TraceHeader>
}>

const YEAR_US = 31_557_600_000_000
/** Longer than any recording is: a unit was taken for a larger one. */
const LONGEST_USUAL_US = 5 * YEAR_US

/** No service is sent more: a unit was taken for a smaller one. */
const MOST_USUAL_PER_SECOND = 1_000_000

/** Blocks are handed on in runs of this many, also where one row brings many. */
const MAX_WAITING_BLOCKS = 65_536

export class ImportState {
  readonly sink = new RowSink()
  readonly blocks: BlockTrie
  readonly context: ImportContext
  /** Lines read of the present file. */
  line = 0
  readonly #options: ImportOptions
  readonly #importer: Importer
  readonly #faults = new FaultTally()
  readonly #notes = new Set<string>()
  readonly #labels = { session: new Map<string, string>(), tenant: new Map<string, string>() }
  #fileName = ''
  #fileCount = 0

  constructor(salt: Uint8Array, options: ImportOptions, importer: Importer) {
    this.#options = options
    this.#importer = importer
    this.blocks = new BlockTrie(salt)
    this.context = {
      sink: this.sink,
      blocks: this.blocks,
      text: new TextBlocks(this.sink, this.blocks),
      unit: (own) => options.timeUnit ?? own,
      note: (text) => void this.#notes.add(text),
      label: (purpose, sourceId) => this.#label(purpose, sourceId),
      fault: (reason) => this.fault(reason),
      header: {},
    }
  }

  get isWaiting(): boolean {
    return this.sink.isWaiting || this.blocks.freshCount > MAX_WAITING_BLOCKS
  }

  note(text: string): void {
    this.#notes.add(text)
  }

  startFile(name: string): void {
    this.#fileName = name
    this.#fileCount += 1
    this.line = 0
  }

  /** @throws TraceError under `--strict` */
  fault(reason: string): void {
    if (this.#options.isStrict) {
      throw new TraceError('TRACE_UNREADABLE', `${this.#fileName}:${this.line}: ${reason}`, {
        hint: 'Without --strict such rows are left out and counted.',
      })
    }
    this.#faults.add(reason, this.line)
  }

  summary(): ImportSummary {
    const { name, title, traceKind = 'imported' } = this.#importer
    if (this.sink.spanUs > LONGEST_USUAL_US) {
      const years = Math.round(this.sink.spanUs / YEAR_US)
      this.#notes.add(`it spans ${years} years: is --time-unit needed?`)
    }
    const perSecond = (this.sink.rowCount * 1e6) / this.sink.spanUs
    if (this.sink.spanUs > 0 && this.sink.rowCount > 99 && perSecond > MOST_USUAL_PER_SECOND) {
      this.#notes.add(`its requests come within ${this.sink.spanUs} µs: is --time-unit needed?`)
    }
    if (this.#fileCount > 1) this.#notes.add(`read from ${this.#fileCount} files in name order`)
    const notes = [...this.#notes, ...this.#faults.list().map(faultText)]
    const header: Partial<TraceHeader> = {
      ...this.context.header,
      kind: traceKind,
      capture: { policy: `imported ${name}`, samplingShare: 1, sampledBy: null, notes },
    }
    const { sink, blocks } = this
    return {
      format: name,
      title,
      rowCount: sink.rowCount,
      blockCount: blocks.blockCount,
      faults: this.#faults.list(),
      notes: [...this.#notes],
      shiftUs: -sink.leastUs,
      header,
    }
  }

  #label(purpose: LabelPurpose, sourceId: string): string {
    const known = this.#labels[purpose]
    const label = known.get(sourceId) ?? this.blocks.label(purpose, known.size + 1)
    known.set(sourceId, label)
    return label
  }
}

function faultText(fault: FaultCount): string {
  return `${fault.count} rows left out: ${fault.reason} (first in line ${fault.firstLine})`
}
