/** Reads what an `EventLog` kept: each event as it was, and when it came. Pure. */
import { VarintReader } from '../trace/varint.ts'
import { copyBytes } from './copy-bytes.ts'

/** The bytes of one event, [from, to), valid only during the call, and when its last one arrived. */
export type OnEvent = (bytes: Buffer, from: number, to: number, atUs: number) => void

type KeptEvent = { atUs: number; from: number; to: number; start: number; end: number }

/** @param onEvent given where each lies in the kept bytes; ends the walk by false */
function eachKept(kept: Uint8Array, onEvent: (event: Readonly<KeptEvent>) => boolean): void {
  const reader = new VarintReader(kept)
  const event: KeptEvent = { atUs: 0, from: 0, to: 0, start: 0, end: 0 }
  while (!reader.isAtEnd) {
    event.atUs += reader.unsigned()
    const sizeBytes = reader.unsigned()
    event.start = reader.unsigned()
    event.end = reader.unsigned()
    event.from = reader.skip(sizeBytes)
    event.to = event.from + sizeBytes
    if (!onEvent(event)) return
  }
}

/** How long the events were on the wire. */
export function wireBytes(kept: Uint8Array): number {
  let bytes = 0
  eachKept(kept, ({ from, to, start, end }) => {
    bytes += start + to - from + end
    return true
  })
  return bytes
}

/** The same without the events whose last byte came later. */
export function eventsUntil(kept: Uint8Array, untilUs: number): Uint8Array {
  let last = 0
  eachKept(kept, ({ atUs, to }) => {
    if (atUs > untilUs) return false
    last = to
    return true
  })
  return kept.subarray(0, last)
}

/** Gives back what an `EventLog` kept, event after event. */
export function eachEvent(kept: Buffer, onEvent: OnEvent): void {
  const alike = new AlikeEvent()
  let patternFrom = 0
  let patternTo = 0
  eachKept(kept, ({ atUs, from, to, start, end }) => {
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
    return true
  })
}

const FIRST_BYTES = 2_048

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
