/**
 * Rows on their way to the segment: gathered, written in one transaction, kept while the disk cannot.
 * Effects: writes the recording through the functions it is given.
 */
import type { BlockRow, EventRow, GapRow, SampleRow } from '../trace/columns.ts'
import type { TraceHeader } from '../trace/header.ts'
import type { Recording } from '../trace/segment.ts'
import { diskReason } from './disk-reason.ts'
import type { GapReason } from './messages.ts'
import { PendingRows } from './pending-rows.ts'
import type { Row } from './request-row.ts'

/** One more try to open or write after a failure. */
const RETRY_US = 500_000

export type RowKeeperOptions = Readonly<{
  nowUs: () => number
  /** Opens the recording, or opens it again; throws while that cannot be done. */
  openRecording: () => Recording
  /** Whether the segment is still where it was; rows written elsewhere would be lost. */
  isThere: (recording: Recording) => boolean
  /** 0 is no limit. */
  rotateBytes: number
  rotateUs: number
  /** What a segment's header learns as it is finished. */
  lateHeader: () => Partial<TraceHeader>
  onRotated: (recording: Recording) => void
  /** Rows that may wait for a disk that fails, and their memory with that of their blocks. */
  maxRows: number
  maxBytes: number
  onState: (state: 'ok' | 'degraded', reason: string | null) => void
}>

/** Rows together, times since the trace's origin. */
type Span = { fromUs: number; toUs: number; count: number }

export class RowKeeper {
  readonly #options: RowKeeperOptions
  #recording: Recording | null = null
  #pending = new PendingRows()
  #retryAtUs = 0
  #segmentSinceUs = 0
  #nextSeq = 0
  /** Added to the numbers given out here; null until a recording is open. */
  #baseSeq: number | null = null
  #lost = noRows()
  /** Whole rows in the segment that is being written. */
  #written = noRows()
  #diskProblem: string | null = null
  /** Rows whose end is on disk. */
  writtenCount = 0
  lostCount = 0
  gapCount = 0

  constructor(options: RowKeeperOptions) {
    this.#options = options
    this.#usable()
  }

  get recording(): Recording | null {
    return this.#recording
  }

  /** Whole rows that wait for the disk. */
  get waitingCount(): number {
    return this.#pending.completed.length
  }

  /** A number for a request; its row's seq follows from it when it is written. */
  takeSeq(): number {
    this.#nextSeq += 1
    return this.#nextSeq - 1
  }

  /** A row without its end; a later call for the same seq replaces it. */
  open(row: Row): void {
    if (!this.#isFull) this.#pending.begin(row)
  }

  complete(row: Row): void {
    this.#pending.forget(row)
    const atUs = row.atUs ?? 0
    if (this.#isFull) this.#lose(atUs, atUs, 1)
    else this.#pending.complete(row)
  }

  addBlocks(rows: readonly BlockRow[]): void {
    if (!this.#isFull) this.#pending.addBlocks(rows)
  }

  addEvent(row: EventRow): void {
    if (this.#pending.events.length < this.#options.maxRows) this.#pending.events.push(row)
  }

  addGap(row: GapRow): void {
    if (this.#pending.gaps.length < this.#options.maxRows) this.#pending.gaps.push(row)
  }

  addSamples(rows: readonly SampleRow[]): void {
    if (this.#pending.samples.length < this.#options.maxRows) this.#pending.samples.push(...rows)
  }

  /** Writes what waits; after a failure only once some time has passed. */
  flush(): void {
    const { nowUs } = this.#options
    if (this.#diskProblem !== null && nowUs() < this.#retryAtUs) return
    const recording = this.#usable()
    if (recording === null) return
    if (this.#isEmpty) this.#recover()
    else this.#write(recording)
    if (this.#diskProblem === null && this.#isDue(recording)) this.rotate()
  }

  #isDue(recording: Recording): boolean {
    const { rotateBytes, rotateUs, nowUs } = this.#options
    const isLarge = rotateBytes > 0 && recording.segmentBytes >= rotateBytes
    return isLarge || (rotateUs > 0 && nowUs() - this.#segmentSinceUs >= rotateUs)
  }

  /** Finishes the segment and begins another; rows under way go on there. */
  rotate(): void {
    const recording = this.#recording
    if (recording === null) return
    try {
      recording.rotate(this.#options.lateHeader())
      this.#written = noRows()
      this.#segmentSinceUs = this.#options.nowUs()
      this.#options.onRotated(recording)
    } catch (error) {
      this.#fail(diskReason(error))
    }
  }

  #write(recording: Recording): void {
    const { open, completed, blocks, events, gaps, samples } = this.#pending
    const reason: GapReason = 'disk'
    const lostGaps = this.#lost.count === 0 ? [] : [{ ...this.#lost, reason }]
    try {
      recording.write({
        open: Array.from(open.values(), (row) => this.#numbered(row)),
        completed: completed.map((row) => this.#numbered(row)),
        blocks,
        events,
        gaps: [...gaps, ...lostGaps],
        samples,
      })
    } catch (error) {
      return this.#fail(diskReason(error))
    }
    this.writtenCount += completed.length
    for (const { atUs = 0 } of completed) widen(this.#written, atUs, atUs, 1)
    this.gapCount += gaps.length + lostGaps.length
    this.#lost = noRows()
    this.#pending = new PendingRows()
    this.#recover()
  }

  #recover(): void {
    if (this.#diskProblem !== null) this.#options.onState('ok', null)
    this.#diskProblem = null
  }

  /** What cannot be written now either is gone. */
  close(): void {
    this.#retryAtUs = 0
    const recording = this.#usable()
    if (recording !== null && !this.#isEmpty) this.#write(recording)
    this.lostCount += this.#pending.requestCount
    if (recording === null) return
    try {
      recording.close(this.#options.lateHeader())
    } catch (error) {
      this.#fail(diskReason(error))
    }
  }

  get #isFull(): boolean {
    const { maxRows, maxBytes } = this.#options
    return this.#pending.requestCount >= maxRows || this.#pending.sizeBytes >= maxBytes
  }

  get #isEmpty(): boolean {
    return this.#lost.count === 0 && this.#pending.isEmpty
  }

  #numbered(row: Row): Row {
    const base = this.#baseSeq ?? 0
    if (base === 0) return row
    const shift = (seq: number | null | undefined) => (typeof seq === 'number' ? seq + base : null)
    return {
      ...row,
      seq: (row.seq ?? 0) + base,
      parentSeq: shift(row.parentSeq),
      attemptOf: shift(row.attemptOf),
    }
  }

  #lose(fromUs: number, toUs: number, count: number): void {
    this.lostCount += count
    widen(this.#lost, fromUs, toUs, count)
  }

  #fail(reason: string): void {
    this.#retryAtUs = this.#options.nowUs() + RETRY_US
    if (this.#diskProblem !== reason) this.#options.onState('degraded', reason)
    this.#diskProblem = reason
  }

  /** The recording, opened again where its file was taken away; null while that cannot be done. */
  #usable(): Recording | null {
    const recording = this.#recording
    if (recording !== null && this.#options.isThere(recording)) return recording
    if (recording !== null) {
      this.#fail('its file was taken away')
      this.#recording = null
      closeQuietly(recording)
      const { fromUs, toUs, count } = this.#written
      this.#lose(fromUs, toUs, count)
      this.#written = noRows()
    }
    try {
      this.#recording = this.#options.openRecording()
      const { nextSeq } = this.#recording
      // Numbers given out stay as they are, or later turns would not find their parents.
      if (nextSeq > (this.#baseSeq ?? -Infinity) + this.#nextSeq) this.#baseSeq = nextSeq
      this.#segmentSinceUs = this.#options.nowUs()
    } catch (error) {
      this.#fail(diskReason(error))
    }
    return this.#recording
  }
}

const noRows = (): Span => ({ fromUs: Infinity, toUs: -Infinity, count: 0 })

function widen(span: Span, fromUs: number, toUs: number, count: number): void {
  span.fromUs = Math.min(span.fromUs, fromUs)
  span.toUs = Math.max(span.toUs, toUs)
  span.count += count
}

/** Gives up a recording whose files are gone. */
function closeQuietly(recording: Recording): void {
  try {
    recording.close()
  } catch {
    // Its folder was removed: there is nothing to finish.
  }
}
