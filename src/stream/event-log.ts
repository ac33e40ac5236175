/**
 * The events of one stream and when they came. Most differ from an earlier one in a word, and of those
 * only the word is kept: an answer takes much less memory than it took on the wire. An event that
 * is kept whole is the pattern of those after it, up to the next whole one. Pure.
 */

/** When its last byte arrived; where it ends in the kept bytes; how much of its start and end is its pattern's. */
export const MARKS_PER_EVENT = 4

const FIRST_BYTES = 2_048
const FIRST_EVENTS = 64
/** Below this a loop is quicker than a native copy. */
const SHORT_BYTES = 32
/** So many of the last bytes count as the end even of an event that is all like its pattern. */
export const LEAST_END_BYTES = 4

type Storage = Readonly<{ bytes: Buffer; marks: Float64Array }>

/** Left by streams that ended, for streams that begin: a thread that reads many asks for no memory. */
const spare: Storage[] = []
const MAX_SPARE = 256
const MAX_SPARE_BYTES = 65_536

const NOTHING: Storage = { bytes: Buffer.alloc(0), marks: new Float64Array(0) }

function newStorage(): Storage {
  const marks = new Float64Array(FIRST_EVENTS * MARKS_PER_EVENT)
  return { bytes: Buffer.allocUnsafeSlow(FIRST_BYTES), marks }
}

/** The bytes of one event, [from, to), valid only during the call, and when its last one arrived. */
export type OnEvent = (bytes: Buffer, from: number, to: number, atUs: number) => void

export class EventLog {
  count = 0
  /** Of the event that was compared last: how much of its start and of its end is its pattern's. */
  likeStart = 0
  likeEnd = 0
  #bytes: Buffer
  #marks: Float64Array
  #length = 0
  #patternFrom = 0
  #patternTo = 0

  constructor() {
    const { bytes, marks } = spare.pop() ?? newStorage()
    this.#bytes = bytes
    this.#marks = marks
  }

  /** What was kept of all events; `eachEvent` gives them back. */
  get bytes(): Buffer {
    const end = this.count === 0 ? 0 : (this.#marks[(this.count - 1) * MARKS_PER_EVENT + 1] ?? 0)
    return this.#bytes.subarray(0, end)
  }

  get marks(): Float64Array {
    return this.#marks.subarray(0, this.count * MARKS_PER_EVENT)
  }

  /** Sets `likeStart` and `likeEnd` for an event at [from, to). */
  compare(bytes: Buffer, from: number, to: number): void {
    const kept = this.#bytes
    const patternFrom = this.#patternFrom
    const patternTo = this.#patternTo
    const most = Math.min(to - from, patternTo - patternFrom)
    let start = 0
    while (start < most - LEAST_END_BYTES && bytes[from + start] === kept[patternFrom + start])
      start += 1
    const rest = most - start
    let end = 1
    while (end <= rest && bytes[to - end] === kept[patternTo - end]) end += 1
    this.likeStart = start
    this.likeEnd = end - 1
  }

  /**
   * Keeps the event at [from, to), which was the last to be compared.
   *
   * @returns true if it is the pattern from now on
   */
  add(bytes: Buffer, from: number, to: number, atUs: number): boolean {
    const isLike = 2 * (this.likeStart + this.likeEnd) >= to - from
    const start = isLike ? this.likeStart : 0
    const end = isLike ? this.likeEnd : 0
    const keptFrom = this.#length
    this.#keep(bytes, from + start, to - end)
    if (!isLike) {
      this.#patternFrom = keptFrom
      this.#patternTo = this.#length
    }
    const at = this.count * MARKS_PER_EVENT
    if (at === this.#marks.length) this.#growMarks()
    const marks = this.#marks
    marks[at] = atUs
    marks[at + 1] = this.#length
    marks[at + 2] = start
    marks[at + 3] = end
    this.count += 1
    return !isLike
  }

  /** Forgets events whose last byte came later. Nothing may be added after. */
  dropAfter(atUs: number): void {
    const marks = this.#marks
    while (this.count > 0 && (marks[(this.count - 1) * MARKS_PER_EVENT] ?? 0) > atUs)
      this.count -= 1
  }

  /** Nothing of what it kept is looked at any more, nor added: another stream may have the memory. */
  release(): void {
    const storage = { bytes: this.#bytes, marks: this.#marks }
    this.count = 0
    this.#bytes = NOTHING.bytes
    this.#marks = NOTHING.marks
    const sizeBytes = storage.bytes.length + storage.marks.byteLength
    if (sizeBytes > 0 && sizeBytes <= MAX_SPARE_BYTES && spare.length < MAX_SPARE) {
      spare.push(storage)
    }
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    const needed = this.#length + to - from
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    copyBytes(bytes, from, to, this.#bytes, this.#length)
    this.#length = needed
  }

  #growMarks(): void {
    const larger = new Float64Array(this.#marks.length * 2)
    larger.set(this.#marks)
    this.#marks = larger
  }
}

/** How long the events were on the wire. */
export function wireBytes(marks: Float64Array): number {
  let bytes = marks.at(1 - MARKS_PER_EVENT) ?? 0
  for (let at = 0; at < marks.length; at += MARKS_PER_EVENT) {
    bytes += (marks[at + 2] ?? 0) + (marks[at + 3] ?? 0)
  }
  return bytes
}

/** Gives back what an `EventLog` kept, event after event. */
export function eachEvent(kept: Buffer, marks: Float64Array, onEvent: OnEvent): void {
  const alike = new AlikeEvent()
  let patternFrom = 0
  let patternTo = 0
  let from = 0
  for (let at = 0; at < marks.length; at += MARKS_PER_EVENT) {
    const atUs = marks[at] ?? 0
    const to = marks[at + 1] ?? from
    const start = marks[at + 2] ?? 0
    const end = marks[at + 3] ?? 0
    if (start + end === 0) {
      patternFrom = from
      patternTo = to
      alike.begin()
      onEvent(kept, from, to, atUs)
    } else {
      const size = start + to - from + end
      alike.make(size)
      alike.putStart(kept, patternFrom, start)
      copyBytes(kept, from, to, alike.bytes, start)
      alike.putEnd(kept, patternTo, end)
      onEvent(alike.bytes, 0, size, atUs)
    }
    from = to
  }
}

/** An event put together from its pattern; what stands there from the one before it is left alone. */
class AlikeEvent {
  bytes = Buffer.allocUnsafe(FIRST_BYTES)
  #size = 0
  #start = 0
  #end = 0

  begin(): void {
    this.#start = 0
    this.#end = 0
  }

  make(size: number): void {
    if (size > this.bytes.length) {
      this.bytes = Buffer.allocUnsafe(size * 2)
      this.#start = 0
    }
    if (size !== this.#size) this.#end = 0
    this.#size = size
  }

  putStart(kept: Buffer, patternFrom: number, start: number): void {
    const known = Math.min(this.#start, start)
    copyBytes(kept, patternFrom + known, patternFrom + start, this.bytes, known)
    this.#start = start
  }

  putEnd(kept: Buffer, patternTo: number, end: number): void {
    const known = Math.min(this.#end, end)
    copyBytes(kept, patternTo - end, patternTo - known, this.bytes, this.#size - end)
    this.#end = end
  }
}

function copyBytes(source: Buffer, from: number, to: number, into: Buffer, at: number): void {
  if (to - from > SHORT_BYTES) source.copy(into, at, from, to)
  else for (let k = 0; k < to - from; k += 1) into[at + k] = source[from + k] ?? 0
}
