/**
 * One relaying thread's batches: the one being filled, those that the observer has, and those that
 * came back. As much memory as may wait is all that is ever made. Pure.
 */
import { BatchWriter } from './batch.ts'

const BATCH_BYTES = 262_144
/** Room kept for ends of connections after bytes are refused, as a share of the limit. */
const CONTROL_SHARE = 0.1

export type LentBatch = Readonly<{ number: number; memory: SharedArrayBuffer; sizeBytes: number }>

export class BatchPool {
  readonly #queueBytes: number
  readonly #queueRecords: number
  #filling = new BatchWriter(BATCH_BYTES)
  /** Those that the observer has, by number. */
  readonly #lent = new Map<number, BatchWriter>()
  /** Kept for the next backlog: shared memory that is let go is freed late, by both threads together. */
  #free: BatchWriter[] = []
  #nextNumber = 0
  #waitingBytes = 0
  #waitingRecords = 0
  /** Batches that were ever made. */
  madeCount = 1

  /** @param queueRecords with `queueBytes`, what may wait for the observer */
  constructor(queueBytes: number, queueRecords: number) {
    this.#queueBytes = queueBytes
    this.#queueRecords = queueRecords
  }

  get filling(): BatchWriter {
    return this.#filling
  }

  get lentCount(): number {
    return this.#lent.size
  }

  /** Requests that begin in what the observer has not said to have read. */
  get unreadRequests(): number {
    let count = this.#filling.begunCount
    for (const { begunCount } of this.#lent.values()) count += begunCount
    return count
  }

  /** The least that a request needs to be followed: one batch. */
  get hasRoomToBegin(): boolean {
    return this.hasRoom(BATCH_BYTES)
  }

  hasRoom(sizeBytes: number): boolean {
    const { sizeBytes: fillingBytes, recordCount } = this.#filling
    return (
      this.#waitingBytes + fillingBytes + sizeBytes <= this.#queueBytes * (1 - CONTROL_SHARE) &&
      this.#waitingRecords + recordCount < this.#queueRecords
    )
  }

  /** Takes the filled one out, to be handed over, and begins the next. */
  lend(): LentBatch {
    const batch = this.#filling
    const number = this.#nextNumber
    this.#nextNumber += 1
    this.#lent.set(number, batch)
    this.#waitingBytes += batch.sizeBytes
    this.#waitingRecords += batch.recordCount
    this.#filling = this.#free.pop() ?? this.#make()
    return { number, memory: batch.memory, sizeBytes: batch.sizeBytes }
  }

  takeBack(number: number): void {
    const batch = this.#lent.get(number)
    if (batch === undefined) return
    this.#lent.delete(number)
    this.#waitingBytes -= batch.sizeBytes
    this.#waitingRecords -= batch.recordCount
    if (batch.isPinned) return
    batch.clear()
    this.#free.push(batch)
  }

  /** The observer that had them is gone, and may still write to none of them. */
  forget(): void {
    this.#lent.clear()
    this.#waitingBytes = 0
    this.#waitingRecords = 0
    this.#filling = this.#make()
  }

  #make(): BatchWriter {
    this.madeCount += 1
    return new BatchWriter(BATCH_BYTES)
  }
}
