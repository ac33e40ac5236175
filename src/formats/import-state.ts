/** What one import has gathered so far: rows, blocks, labels, faults, notes. Pure. */
import { TraceError } from '../base/errors.ts'
import { plural } from '../base/format.ts'
import type { TraceHeader } from '../trace/header.ts'
import { BlockTrie, type LabelPurpose } from './block-trie.ts'
import type { ImportContext, Importer } from './importer.ts'
import { FaultTally, type FaultCount } from './row-fault.ts'
import { RowSink } from './row-sink.ts'
import { US_PER_UNIT, type TimeUnit } from './source-time.ts'
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
  /** Of the numbers that stand for times; null where there were none. */
  #unit: TimeUnit | null = null
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
      unit: (own) => (this.#unit = options.timeUnit ?? own),
      note: (text) => void this.#notes.add(text),
      label: (purpose, sourceId) => this.#label(purpose, sourceId),
      fault: (reason) => this.fault(reason),
      header: {},
    }
  }

  get isWaiting(): boolean {
    return this.sink.isWaiting || this.blocks.freshCount > MAX_WAITING_BLOCKS
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
    const doubt = this.#clockDoubt() ?? this.#spanDoubt()
    if (doubt !== null) this.#notes.add(doubt)
    if (this.#fileCount > 1) this.#notes.add(`read from ${this.#fileCount} files in name order`)
    const notes = [...this.#notes, ...this.#faults.list().map(faultText)]
    const { originWallUs = null } = this.context.header
    const header: Partial<TraceHeader> = {
      ...this.context.header,
      originWallUs: Number.isSafeInteger(originWallUs) ? originWallUs : null,
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

  /** A clock that makes no sense in the format's own unit, and does in another one. */
  #clockDoubt(): string | null {
    const originUs = this.sink.originUs ?? 0
    if (this.#unit === null || this.#options.timeUnit !== null || isClock(originUs)) return null
    for (const unit of UNITS) {
      const factor = US_PER_UNIT[unit] / US_PER_UNIT[this.#unit]
      // A trace that counts from its own beginning may begin at any small number.
      const isLikely = factor <= 1_000 || this.context.header.originWallUs !== undefined
      if (!isLikely || !isClock(originUs * factor)) continue
      const year = new Date((originUs * factor) / 1_000).getUTCFullYear()
      const told = `its numbers were read as ${this.#unit}; as ${unit} its clock would begin in ${year}`
      return `${told}: is --time-unit ${unit} meant?`
    }
    return null
  }

  #spanDoubt(): string | null {
    const { spanUs, rowCount } = this.sink
    if (spanUs > LONGEST_USUAL_US) {
      return `it spans ${Math.round(spanUs / YEAR_US)} years: is --time-unit needed?`
    }
    const isCrowd = rowCount > 99 && (rowCount * 1e6) / spanUs > MOST_USUAL_PER_SECOND
    return spanUs > 0 && isCrowd
      ? `its requests come within ${spanUs} µs: is --time-unit needed?`
      : null
  }

  #label(purpose: LabelPurpose, sourceId: string): string {
    const known = this.#labels[purpose]
    const label = known.get(sourceId) ?? this.blocks.label(purpose, known.size + 1)
    known.set(sourceId, label)
    return label
  }
}

const UNITS = Object.keys(US_PER_UNIT) as TimeUnit[]
const YEAR_2001_US = 978_307_200_000_000
const YEAR_2100_US = 4_102_444_800_000_000

function isClock(us: number): boolean {
  return us >= YEAR_2001_US && us < YEAR_2100_US
}

function faultText(fault: FaultCount): string {
  return `${plural(fault.count, 'row')} left out: ${fault.reason} (first in line ${fault.firstLine})`
}
