/** What a reader has to know where one event of a stream is not one token. Pure. */
import { significant } from '../base/format.ts'
import type { SideWatch } from './side-watch.ts'

/** From here on one event a token is not what a server sends. */
const MOST_TOKENS_AN_EVENT = 1.05

export function eventNotes({ latency: { tokensAnEvent } }: SideWatch): string[] {
  if (tokensAnEvent <= MOST_TOKENS_AN_EVENT) return []
  return [
    `answers brought ${significant(tokensAnEvent, 3)} tokens an event on average, and of none was told ` +
      'how many: inter-token is the time between events',
  ]
}
