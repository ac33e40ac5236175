/** What each dialect puts on the wire. Types only; events are whole, with their empty line. */
import type { Call, Delta, RequestFigures, Usage } from './call.ts'

export type Wire = Readonly<{
  /** Sent with the headers. */
  greeting: string
  /** Sent before the first token's event. */
  opening: string
  event(delta: Delta): string
  closing(usage: Usage, figures: RequestFigures | null): string
  /** The whole answer, not streamed. */
  whole(answers: readonly Delta[], usage: Usage, figures: RequestFigures | null): string
}>

/** What a dialect needs to know beside the call. */
export type WireContext = Readonly<{
  call: Call
  fingerprint: string
  hasPromptTokensDetails: boolean
  /** 16 hex digits for parts that have an id of their own. */
  partId: string
}>

export const DONE_EVENT = 'data: [DONE]\n\n'

export function dataEvent(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

export function namedEvent(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`
}

export function promptCountOf(call: Call, choice = 0): number {
  return call.prompts[Math.floor(choice / call.n)]?.tokens.length ?? 0
}

/** Node has it; its types do not yet. */
const json = JSON as JSON & { rawJSON(text: string): unknown }

/** A whole number as Python's JSON writes a float: `1.0`. */
export function pythonFloat(value: number): unknown {
  return Number.isInteger(value) ? json.rawJSON(value.toFixed(1)) : value
}
