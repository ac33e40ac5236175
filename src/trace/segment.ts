/**
 * A recording under way: a folder of finished segments and one that is being written, by one thread,
 * synchronously. Effects: writes the folder.
 *
 * A row is written when its request begins and completed when it ends, so that a killed recorder
 * loses what it had not written yet, but not the demand that it had seen.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BlockRow, RequestRow } from './columns.ts'
import { EarlierSegments } from './earlier-segments.ts'
import type { TraceHeader } from './header.ts'
import {
  OpenSegment,
  recoverSegment,
  type RecordingChange,
  type SegmentEnd,
} from './open-segment.ts'
import { segmentNames } from './retention.ts'
import { lockFolder, type Connection } from './sqlite.ts'

const LOCK_NAME = '.recording-lock'

/**
 * Begins a new segment in a folder. Segments whose writer was killed are ended first: their open rows
 * get the outcome unobserved_end.
 *
 * @param header a recording that exists keeps its own origin: see `Recording.header`
 * @throws TraceError BAD_OPTION if another recorder writes there, or the folder cannot be written
 */
export function openRecording(directory: string, header: TraceHeader): Recording {
  mkdirSync(directory, { recursive: true })
  const lock = lockFolder(join(directory, LOCK_NAME), directory)
  try {
    const names = segmentNames(directory)
    const ends = names.map((name) => recoverSegment(join(directory, name)))
    return new Recording(directory, lock, header, names, ends)
  } catch (error) {
    lock.close()
    throw error
  }
}

export class Recording {
  /** The header of this segment: the recording's own origin, clock anchors moved onto it. */
  readonly header: TraceHeader
  readonly isNew: boolean
  /** Segments that an earlier recorder left unfinished, and their rows that were still open. */
  readonly recovered: Readonly<{ segments: number; rows: number }>
  readonly #directory: string
  readonly #lock: Connection
  readonly #openRows = new Map<number, Partial<RequestRow>>()
  readonly #earlier: EarlierSegments
  #segmentNumber: number
  #segment: OpenSegment
  /** Ended, but not one whole file yet: the disk failed, or somebody is reading them. */
  #unsealed: readonly OpenSegment[] = []
  #nextSeq: number

  constructor(
    directory: string,
    lock: Connection,
    header: TraceHeader,
    names: readonly string[],
    ends: readonly SegmentEnd[],
  ) {
    this.#directory = directory
    this.#lock = lock
    this.isNew = ends.length === 0
    this.header = onOrigin(header, ends[0]?.header.originWallUs ?? null)
    const broken = ends.filter(({ wasOpen }) => wasOpen)
    this.recovered = {
      segments: broken.length,
      rows: broken.reduce((sum, { openRows }) => sum + openRows, 0),
    }
    this.#earlier = new EarlierSegments(names.map((name) => join(directory, name)))
    this.#nextSeq = Math.max(-1, ...ends.map(({ maxSeq }) => maxSeq)) + 1
    this.#segmentNumber = Number(names.at(-1)?.slice(0, 6) ?? 0) + 1
    this.#segment = this.#begin(this.#segmentNumber)
  }

  /** One more than any seq of the recording so far. */
  get nextSeq(): number {
    return this.#nextSeq
  }

  get segmentPath(): string {
    return this.#segment.path
  }

  get segmentBytes(): number {
    return this.#segment.sizeBytes
  }

  /** Rows begun or completed in this segment. */
  get segmentRows(): number {
    return this.#segment.rowCount
  }

  /** Whether the segment has this block, and so the whole chain before it. */
  hasBlock(id: bigint): boolean {
    return this.#segment.hasBlock(id)
  }

  /** One transaction. @throws TraceError FAILED if the disk is full or fails; nothing of it is kept */
  write(change: RecordingChange): void {
    const blocks = this.#wholeChains(change.blocks ?? [])
    this.#segment.write({ ...change, blocks })
    for (const row of change.open ?? []) {
      this.#openRows.set(row.seq ?? -1, row)
      this.#nextSeq = Math.max(this.#nextSeq, (row.seq ?? -1) + 1)
    }
    for (const row of change.completed ?? []) {
      this.#openRows.delete(row.seq ?? -1)
      this.#nextSeq = Math.max(this.#nextSeq, (row.seq ?? -1) + 1)
    }
    if (this.#unsealed.length > 0) this.#sealFinished()
  }

  /**
   * A chain that was begun before the last rotation is fetched from there, so that each segment is whole
   * by itself. A block whose parent is nowhere becomes a root: its row stays readable.
   */
  #wholeChains(blocks: readonly BlockRow[]): BlockRow[] {
    const whole: BlockRow[] = []
    const added = new Set<bigint>()
    const isMissing = (id: bigint) => !added.has(id) && !this.#segment.hasBlock(id)
    for (const block of blocks) {
      const missing = block.parent !== null && isMissing(block.parent) ? block.parent : null
      const before = missing === null ? [] : this.#earlier.chainTo(missing)
      for (const row of before.filter(({ id }) => isMissing(id))) {
        whole.push(row)
        added.add(row.id)
      }
      whole.push(missing !== null && before.length === 0 ? { ...block, parent: null } : block)
      added.add(block.id)
    }
    return whole
  }

  /** Finishes the segment and begins the next; open rows move there, to end there. */
  rotate(changes: Partial<TraceHeader> = {}): void {
    const before = this.#segment
    const after = this.#begin(this.#segmentNumber + 1)
    try {
      // Should the process die between the two, readers find the row twice and take the later one.
      after.write({ open: [...this.#openRows.values()].toSorted(bySeq) })
    } catch (error) {
      after.discard()
      throw error
    }
    this.#segment = after
    this.#segmentNumber += 1
    this.#earlier.add(before.path)
    before.end('move', changes)
    this.#unsealed = [...this.#unsealed, before]
    this.#sealFinished()
  }

  #sealFinished(): void {
    this.#unsealed = this.#unsealed.filter((each) => !each.seal())
  }

  /** Finishes the segment; rows still open end as unobserved_end. One that cannot be finished is left. */
  close(changes: Partial<TraceHeader> = {}): void {
    this.#segment.end('end', changes)
    // Its own reader of an earlier segment would keep that from being sealed.
    this.#earlier.close()
    this.#unsealed = [...this.#unsealed, this.#segment]
    this.#sealFinished()
    for (const each of this.#unsealed) each.leave()
    this.#lock.close()
    rmSync(join(this.#directory, LOCK_NAME), { force: true })
  }

  #begin(number: number): OpenSegment {
    const name = `${String(number).padStart(6, '0')}.sqlite`
    return new OpenSegment(join(this.#directory, name), this.header)
  }
}

function bySeq(left: Partial<RequestRow>, right: Partial<RequestRow>): number {
  return (left.seq ?? 0) - (right.seq ?? 0)
}

/** All segments of a recording count from the first one's origin. */
function onOrigin(header: TraceHeader, originWallUs: number | null): TraceHeader {
  if (originWallUs === null || header.originWallUs === null) return header
  const shiftUs = header.originWallUs - originWallUs
  const anchors = header.clock.anchors.map(({ atUs, wallUs }) => ({ atUs: atUs + shiftUs, wallUs }))
  return { ...header, originWallUs, clock: { ...header.clock, anchors } }
}
