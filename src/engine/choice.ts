/**
 * One answer on its way out: tokens become text, stop strings are found, and what was not sent yet is
 * put together into the next event. Pure.
 */
import { StringDecoder } from 'node:string_decoder'
import type { Call, Delta } from './call.ts'
import { answerBytesOf } from './tokenizer.ts'

/** Entries below this are single bytes; from 128 on they are parts of a character. */
const FIRST_PARTIAL = 128
const LAST_PARTIAL = 255

export type Choice = {
  readonly index: number
  readonly call: Call
  /** Characters held back, because a stop string may begin in them. */
  readonly heldBack: number
  readonly decoder: StringDecoder
  isSplit: boolean
  /** Text and tokens that no event has carried yet. */
  unsentText: string
  unsentTokens: number[]
  tokenCount: number
  sentTokenCount: number
  finish: 'stop' | 'length' | null
  stopReason: string | number | null
}

export function createChoice(call: Call, index: number): Choice {
  return {
    index,
    call,
    heldBack: Math.max(0, ...call.stop.map((stop) => stop.length - 1)),
    decoder: new StringDecoder('utf8'),
    isSplit: false,
    unsentText: '',
    unsentTokens: [],
    tokenCount: 0,
    sentTokenCount: 0,
    finish: null,
    stopReason: null,
  }
}

/**
 * Takes the next token of the answer.
 *
 * @param finish what the engine says; a stop string may end the answer before
 * @returns whether a stop string was found, so that the engine can be told
 */
export function pushToken(
  choice: Choice,
  token: number,
  finish: 'stop' | 'length' | null,
): boolean {
  const { call } = choice
  choice.tokenCount += 1
  choice.unsentTokens.push(token)
  choice.finish = finish
  if (finish === 'stop') {
    if (!call.stopTokenIds.includes(token)) return false
    choice.stopReason = token
    if (!call.keepsStop) return false
  }
  const text = textOf(choice, token)
  choice.unsentText += text
  if (call.stop.length === 0 || choice.tokenCount <= call.minTokens) return false
  return cutAtStop(choice, text.length)
}

/** Is there something to send? The first and the last token at once, else so many together. */
export function isEventDue(choice: Choice): boolean {
  if (choice.unsentTokens.length === 0) return false
  if (choice.finish !== null || choice.sentTokenCount === 0) return true
  return choice.unsentTokens.length >= choice.call.streamIntervalTokens
}

/** Everything that is ready, as one event. */
export function takeDelta(choice: Choice, totalTokenCount: number): Delta {
  const isEnd = choice.finish !== null
  const readyLength = isEnd
    ? choice.unsentText.length
    : Math.max(0, choice.unsentText.length - choice.heldBack)
  const delta: Delta = {
    choice: choice.index,
    text: choice.unsentText.slice(0, readyLength),
    tokens: choice.unsentTokens,
    finish: choice.finish,
    stopReason: choice.stopReason,
    choiceTokenCount: choice.tokenCount,
    totalTokenCount,
  }
  choice.unsentText = choice.unsentText.slice(readyLength)
  choice.sentTokenCount = choice.tokenCount
  choice.unsentTokens = []
  return delta
}

function textOf(choice: Choice, token: number): string {
  const isWhole = token < FIRST_PARTIAL || token > LAST_PARTIAL
  if (isWhole && !choice.isSplit) return answerBytesOf(token)
  const text = choice.decoder.write(Buffer.from(answerBytesOf(token), 'latin1'))
  choice.isSplit = text === ''
  return text
}

function cutAtStop(choice: Choice, newLength: number): boolean {
  const { stop, keepsStop } = choice.call
  const from = Math.max(0, choice.unsentText.length - newLength - choice.heldBack)
  for (const word of stop) {
    const at = choice.unsentText.indexOf(word, from)
    if (at < 0) continue
    choice.unsentText = choice.unsentText.slice(0, keepsStop ? at + word.length : at)
    choice.finish = 'stop'
    choice.stopReason = word
    return true
  }
  return false
}
