/** Requests as plain numbers: a batch of them crosses between threads in one buffer, not object by object. Pure. */
import type { ReadyRequest } from './flight-result.ts'

const INDEX = 0
const ATTEMPT = 1
const DUE = 2
const TARGET = 3
const BODY_BYTES = 4
const IS_STREAM = 5
const IS_REUSE_WANTED = 6
const ABORT_AFTER_US = 7
const ABORT_AFTER_EVENTS = 8
const FIELDS = 9

/** @returns so many numbers for each request, one request after the other */
export function packRequests(requests: readonly ReadyRequest[]): Float64Array<ArrayBuffer> {
  const fields = new Float64Array(requests.length * FIELDS)
  for (const [which, request] of requests.entries()) {
    const at = which * FIELDS
    fields[at + INDEX] = request.index
    fields[at + ATTEMPT] = request.attempt
    fields[at + DUE] = request.sinceStartUs
    fields[at + TARGET] = request.target
    fields[at + BODY_BYTES] = request.bodyBytes
    fields[at + IS_STREAM] = Number(request.isStream)
    fields[at + IS_REUSE_WANTED] = Number(request.isReuseWanted)
    fields[at + ABORT_AFTER_US] = request.abortAfterUs
    fields[at + ABORT_AFTER_EVENTS] = request.abortAfterEvents
  }
  return fields
}

export function packedCount(fields: Float64Array): number {
  return fields.length / FIELDS
}

/** @param startUs due 0 on the common clock */
export function requestAt(fields: Float64Array, which: number, startUs: number): ReadyRequest {
  const at = which * FIELDS
  const sinceStartUs = fields[at + DUE]!
  return {
    index: fields[at + INDEX]!,
    attempt: fields[at + ATTEMPT]!,
    dueUs: sinceStartUs + startUs,
    sinceStartUs,
    target: fields[at + TARGET]!,
    bodyBytes: fields[at + BODY_BYTES]!,
    isStream: fields[at + IS_STREAM] === 1,
    isReuseWanted: fields[at + IS_REUSE_WANTED] === 1,
    abortAfterUs: fields[at + ABORT_AFTER_US]!,
    abortAfterEvents: fields[at + ABORT_AFTER_EVENTS]!,
  }
}
