/**
 * Finished requests as a few buffers: what crosses to the thread that reads answers costs the thread
 * that sends a copy of their bytes and nothing for each object. Pure.
 */
import type { AnswerCapture, AnswerEnd } from '../stream/observation.ts'
import { FAULTS, type FlightResult } from './flight-result.ts'

/** `fields` has so many numbers for each result; the arrays hold the answers one after the other. */
export type PackedResults = Readonly<{
  fields: Float64Array
  bytes: Uint8Array
  /** Values of headers, each once. */
  texts: readonly string[]
}>

const CONNECTIONS = ['new', 'reused', 'race'] as const
const ENDS: readonly AnswerEnd[] = ['complete', 'fin', 'reset', 'hangup', 'timeout']
const FIELDS = 23
/** Where the capture's fields begin: its status, or NaN where there is none. */
const CAPTURE = 12

export class ResultPacker {
  #fields = new Float64Array(64 * FIELDS)
  #bytes: Uint8Array = new Uint8Array(65_536)
  #texts: string[] = []
  #count = 0
  #byteCount = 0

  get count(): number {
    return this.#count
  }

  get byteCount(): number {
    return this.#byteCount
  }

  add(result: FlightResult): void {
    const at = this.#count * FIELDS
    this.#count += 1
    if (this.#fields.length < at + FIELDS) this.#fields = grown(this.#fields, at + FIELDS)
    const fields = this.#fields
    fields[at] = result.index
    fields[at + 1] = result.attempt
    fields[at + 2] = Number(result.isFinal)
    fields[at + 3] = result.dueUs
    fields[at + 4] = result.connectUs
    fields[at + 5] = result.writtenAtUs
    fields[at + 6] = result.sentAtUs
    fields[at + 7] = result.requestBytes
    fields[at + 8] = CONNECTIONS.indexOf(result.connection)
    fields[at + 9] = result.abortAtUs
    fields[at + 10] = result.endedAtUs
    fields[at + 11] = FAULTS.indexOf(result.fault)
    fields[at + CAPTURE] = Number.NaN
    fields[at + CAPTURE + 4] = 0
    if (result.capture !== null) this.#addCapture(result.capture, at + CAPTURE)
  }

  #addCapture(capture: AnswerCapture, at: number): void {
    const { body } = capture
    const fields = this.#fields
    fields[at] = capture.status
    fields[at + 1] = this.#text(capture.contentType)
    fields[at + 2] = this.#text(capture.contentEncoding)
    fields[at + 3] = capture.headersAtUs
    fields[at + 4] = body.length
    fields[at + 5] = capture.bodyBytes
    fields[at + 6] = Number(capture.isEvents)
    fields[at + 7] = Number(capture.isCut)
    fields[at + 8] = capture.endAtUs
    fields[at + 9] = ENDS.indexOf(capture.end)
    fields[at + 10] = this.#text(capture.retryAfter)
    const bytesTo = this.#byteCount + body.length
    if (this.#bytes.length < bytesTo) this.#bytes = grown(this.#bytes, bytesTo)
    this.#bytes.set(body, this.#byteCount)
    this.#byteCount = bytesTo
  }

  #text(text: string): number {
    const found = this.#texts.indexOf(text)
    return found < 0 ? this.#texts.push(text) - 1 : found
  }

  /** Hands over what was added, cut to size, and begins anew. */
  take(): PackedResults {
    const packed: PackedResults = {
      fields: this.#fields.slice(0, this.#count * FIELDS),
      bytes: this.#bytes.slice(0, this.#byteCount),
      texts: this.#texts,
    }
    this.#texts = []
    this.#count = 0
    this.#byteCount = 0
    return packed
  }
}

/** Captures are views of the packed arrays. */
export function unpackResults(packed: PackedResults): FlightResult[] {
  const { fields } = packed
  const results: FlightResult[] = []
  let byte = 0
  for (let at = 0; at < fields.length; at += FIELDS) {
    const captureAt = at + CAPTURE
    results.push({
      index: fields[at]!,
      attempt: fields[at + 1]!,
      isFinal: fields[at + 2] === 1,
      dueUs: fields[at + 3]!,
      connectUs: fields[at + 4]!,
      writtenAtUs: fields[at + 5]!,
      sentAtUs: fields[at + 6]!,
      requestBytes: fields[at + 7]!,
      connection: CONNECTIONS[fields[at + 8]!]!,
      abortAtUs: fields[at + 9]!,
      endedAtUs: fields[at + 10]!,
      fault: FAULTS[fields[at + 11]!]!,
      capture: unpackCapture(packed, captureAt, byte),
    })
    byte += fields[captureAt + 4]!
  }
  return results
}

function unpackCapture(
  { fields, bytes, texts }: PackedResults,
  at: number,
  fromByte: number,
): AnswerCapture | null {
  if (Number.isNaN(fields[at])) return null
  return {
    status: fields[at]!,
    contentType: texts[fields[at + 1]!]!,
    contentEncoding: texts[fields[at + 2]!]!,
    retryAfter: texts[fields[at + 10]!]!,
    headersAtUs: fields[at + 3]!,
    body: bytes.subarray(fromByte, fromByte + fields[at + 4]!),
    bodyBytes: fields[at + 5]!,
    isEvents: fields[at + 6] === 1,
    isCut: fields[at + 7] === 1,
    endAtUs: fields[at + 8]!,
    end: ENDS[fields[at + 9]!]!,
  }
}

function grown<T extends Uint8Array | Float64Array>(array: T, least: number): T {
  const larger = new (array.constructor as new (length: number) => T)(
    Math.max(least, array.length * 2),
  )
  larger.set(array)
  return larger
}
