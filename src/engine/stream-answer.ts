/**
 * An answer as it is made: each token's event at once, or several tokens in one event where the reader
 * is slow. Effects: socket.
 */
import { type Choice, isEventDue, takeDelta } from './choice.ts'
import { type Generation, figuresOf, usageOf } from './generation.ts'
import { type RawResponse, chunkOf, splitEvents } from './http-answer.ts'
import type { Wire } from './wire.ts'

const KEEP_ALIVE_EVENT = ': keep-alive\n\n'

export type StreamAnswer = {
  readonly response: RawResponse
  readonly wire: Wire
  readonly hasFigures: boolean
  readonly nowUs: () => number
  /** Told of each event: when it was handed to the socket and how many tokens it carries. */
  readonly onEvent: (atUs: number, tokenCount: number) => void
  readonly onEnd: (how: 'done' | 'error') => void
  /** Only two dialects get comments in a silence. */
  readonly isKeptAlive: boolean
  isOpened: boolean
  isEnded: boolean
  isBlocked: boolean
  lastWriteUs: number
}

/** After a token: sends what is due, unless the reader is behind. */
export function advance(answer: StreamAnswer, generation: Generation, choice: Choice): void {
  if (answer.isEnded || answer.isBlocked) return
  sendDue(answer, generation, choice)
  if (isBehind(answer)) waitForReader(answer, generation)
  else finishIfDone(answer, generation)
}

/** A comment, so that proxies and clients see that the stream lives. */
export function keepAlive(answer: StreamAnswer, silenceUs: number): void {
  if (!answer.isKeptAlive || answer.isEnded || answer.isBlocked) return
  if (answer.nowUs() - answer.lastWriteUs < silenceUs) return
  write(answer, KEEP_ALIVE_EVENT)
}

/** The engine is gone: one event that says so, then the usual end. */
export function breakOff(answer: StreamAnswer, errorEvent: string): void {
  if (answer.isEnded) return
  writeAll(answer, errorEvent)
  end(answer, 'error')
}

export function greet(answer: StreamAnswer): void {
  if (answer.wire.greeting !== '') writeAll(answer, answer.wire.greeting)
}

function sendDue(answer: StreamAnswer, generation: Generation, choice: Choice): void {
  if (!isEventDue(choice)) return
  if (!answer.isOpened) {
    answer.isOpened = true
    if (answer.wire.opening !== '') writeAll(answer, answer.wire.opening)
  }
  const delta = takeDelta(choice, generation.totalTokenCount)
  const event = answer.wire.event(delta)
  if (event !== '') write(answer, event)
  answer.onEvent(answer.lastWriteUs, delta.tokens.length)
}

/** Past the socket's high-water mark nothing is sent: tokens gather, and go out together. */
function waitForReader(answer: StreamAnswer, generation: Generation): void {
  answer.isBlocked = true
  answer.response.socket?.once('drain', () => {
    answer.isBlocked = false
    if (answer.isEnded) return
    for (const choice of generation.choices) sendDue(answer, generation, choice)
    if (isBehind(answer)) waitForReader(answer, generation)
    else finishIfDone(answer, generation)
  })
}

function isBehind({ response }: StreamAnswer): boolean {
  return response.socket?.writableNeedDrain === true
}

function finishIfDone(answer: StreamAnswer, generation: Generation): void {
  if (generation.openCount > 0) return
  const figures = answer.hasFigures ? figuresOf(generation) : null
  writeAll(answer, answer.wire.closing(usageOf(generation), figures))
  end(answer, 'done')
}

function end(answer: StreamAnswer, how: 'done' | 'error'): void {
  answer.isEnded = true
  answer.response.end()
  answer.onEnd(how)
}

function writeAll(answer: StreamAnswer, events: string): void {
  for (const event of splitEvents(events)) write(answer, event)
}

/**
 * One event as one HTTP chunk, straight to the socket: Node's own chunking costs more for each event.
 * A pipelined answer has no socket until the one before it ended, and waits in Node's queue.
 */
function write(answer: StreamAnswer, event: string): void {
  const { socket } = answer.response
  if (socket === null) answer.response.write(event)
  else if (socket.writable) socket.write(chunkOf(event))
  answer.lastWriteUs = answer.nowUs()
}
