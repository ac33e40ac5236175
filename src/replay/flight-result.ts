/** One request on its way: what is known of it between its due instant and its end. Types only. */
import type { AnswerCapture } from '../stream/observation.ts'

/** Why a request has no answer of its own. */
export const FAULTS = [
  'none',
  /** No connection could be made, or it broke before a byte was written. */
  'connect',
  /** A reused connection was closed by the server as we wrote. */
  'keepalive_race',
  /** Left out by --max-in-flight or --max-rps or an open circuit breaker. */
  'dropped',
  /** It could not be expressed for this target. */
  'unsendable',
  /** What came back was no HTTP that can be followed. */
  'garbage',
  /** No answer, or no progress, within the limits. */
  'timeout',
  /** The run was interrupted. */
  'interrupted',
] as const
export type Fault = (typeof FAULTS)[number]

/** What a sending thread knows of a finished request; all times absolute µs, NaN where it never was. */
export type FlightResult = {
  /** Row of the plan. */
  index: number
  /** 0 for the first try. */
  attempt: number
  /** No further try follows. */
  isFinal: boolean
  dueUs: number
  connectUs: number
  /** When the first byte was handed to the kernel. */
  writtenAtUs: number
  /** When the last byte was. */
  sentAtUs: number
  requestBytes: number
  connection: 'new' | 'reused' | 'race'
  /** When we hung up as planned. */
  abortAtUs: number
  /** When it was over, whatever became of it. */
  endedAtUs: number
  fault: Fault
  capture: AnswerCapture | null
}

/** A finished request, ready to be sent. */
export type ReadyRequest = Readonly<{
  index: number
  attempt: number
  /** µs on the common clock. */
  dueUs: number
  /** The same from the run's start. */
  sinceStartUs: number
  target: number
  /** Of the body alone. */
  bodyBytes: number
  isStream: boolean
  /** The recorded request came on a connection that had carried another. */
  isReuseWanted: boolean
  /** Hang up so long after *sent*, µs; NaN for never. */
  abortAfterUs: number
  /** Hang up once so many events arrived; 0 for never. */
  abortAfterEvents: number
}>
