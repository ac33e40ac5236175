/**
 * Says without parsing whether an event of a stream bears tokens: for live counts and hang-ups.
 *
 * It looks at marks that all five dialects leave in an event's bytes, in the form in which servers
 * write them (JSON with or without a space after the colon). `interpret` has the last word. Pure.
 *
 * - chat and completions: `"choices":[` that is not empty, and in chat a delta that does more than
 *   name the role
 * - responses: an event named `….delta`; messages: `content_block_delta`
 * - `[DONE]`, usage, errors and the events that open and close an answer bear none
 */

const CHOICES = Buffer.from('"choices":')
const ROLE_DELTA = Buffer.from('"delta":{"role":')
const DELTA_NAME = Buffer.from('delta')
const MESSAGE_DELTA = Buffer.from('message_delta')
/** Between `"choices":` and `"delta":` stand at most a bracket, a brace, an index and spaces. */
const DELTA_REACH_BYTES = 40
/** In a delta that only names the role, one of these stands for its content. */
const EMPTY_DELTAS = ['"content":""', '"content":null', '"assistant"}'].map((text) =>
  Buffer.from(text),
)

const SPACE = 32
const CLOSE_BRACKET = 93
const OPEN_BRACKET = 91

export class TokenScan {
  /** Where `"choices":` stood last: in the events of one stream, at the same place. */
  #choicesOffset = 0

  /** @param bytes one event at [from, to) */
  bearsTokens(bytes: Buffer, from: number, to: number): boolean {
    // 'event: …' has its name on the first line; 'data: …' begins with a d.
    if (bytes[from] === 101) return isNamedDelta(bytes, from, to)
    const choicesAt = this.#findChoices(bytes, from, to)
    if (choicesAt < 0) return false
    let at = skipSpaces(bytes, choicesAt + CHOICES.length, to)
    if (bytes[at] !== OPEN_BRACKET) return false
    at = skipSpaces(bytes, at + 1, to)
    if (bytes[at] === CLOSE_BRACKET) return false
    return !isRoleOnly(bytes, at, to)
  }

  #findChoices(bytes: Buffer, from: number, to: number): number {
    if (startsWith(bytes, from + this.#choicesOffset, to, CHOICES)) {
      return from + this.#choicesOffset
    }
    const found = find(bytes, from, to, CHOICES)
    if (found >= 0) this.#choicesOffset = found - from
    return found
  }
}

function isNamedDelta(bytes: Buffer, from: number, to: number): boolean {
  let end = from
  while (end < to && bytes[end] !== 10 && bytes[end] !== 13) end += 1
  return (
    startsWith(bytes, end - DELTA_NAME.length, end, DELTA_NAME) &&
    !startsWith(bytes, end - MESSAGE_DELTA.length, end, MESSAGE_DELTA)
  )
}

function isRoleOnly(bytes: Buffer, from: number, to: number): boolean {
  const reach = Math.min(to, from + DELTA_REACH_BYTES)
  const roleAt = find(bytes, from, reach, ROLE_DELTA)
  if (roleAt < 0) return false
  return EMPTY_DELTAS.some((mark) => {
    const markAt = find(bytes, roleAt, Math.min(to, roleAt + 2 * DELTA_REACH_BYTES), mark)
    return markAt >= 0
  })
}

function skipSpaces(bytes: Buffer, from: number, to: number): number {
  let at = from
  while (at < to && bytes[at] === SPACE) at += 1
  return at
}

function startsWith(bytes: Buffer, from: number, to: number, wanted: Buffer): boolean {
  if (from < 0 || from + wanted.length > to) return false
  for (let index = 0; index < wanted.length; index += 1) {
    if (bytes[from + index] !== wanted[index]) return false
  }
  return true
}

function find(bytes: Buffer, from: number, to: number, wanted: Buffer): number {
  const first = wanted[0]
  for (let at = from; at + wanted.length <= to; at += 1) {
    if (bytes[at] === first && startsWith(bytes, at, to, wanted)) return at
  }
  return -1
}
