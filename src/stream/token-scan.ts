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
const DELTA = Buffer.from('"delta":')
const ROLE = Buffer.from('"role"')
const DELTA_NAME = Buffer.from('delta')
const MESSAGE_DELTA = Buffer.from('message_delta')
/** Between `"choices":` and `"delta":` stand mostly a bracket, a brace, an index and spaces. */
const DELTA_REACH_BYTES = 60
/** The events that name the roles come first; of these, every spelling is looked for. */
const FIRST_EVENTS = 16
const TYPE = Buffer.from('"type":')
const QUOTE = 34
/** Of a delta that names the role, this much is looked at. */
const ROLE_REACH_BYTES = 400
/** What makes it more than the role. */
const FILLED =
  /"(?:content|refusal|reasoning|reasoning_content)"\s*:\s*"[^"]|"tool_calls"\s*:\s*\[\s*\{/

/** A text cannot hold this: its quotes would be escaped. */
const NAMED = /"role"\s*:\s*"/

const SPACE = 32
const CLOSE_BRACKET = 93
const OPEN_BRACKET = 91

export class TokenScan {
  /** Where `"choices":` stood last: in the events of one stream, at the same place. */
  #choicesOffset = 0
  #seen = 0

  /** @param bytes one event at [from, to) */
  bearsTokens(bytes: Buffer, from: number, to: number): boolean {
    // 'event: …' has its name on the first line; 'data: …' begins with a d.
    if (bytes[from] === 101 && isNamedDelta(bytes, from, to)) return true
    const choicesAt = this.#findChoices(bytes, from, to)
    if (choicesAt < 0) return isTypedDelta(bytes, from, to)
    let at = skipSpaces(bytes, choicesAt + CHOICES.length, to)
    if (bytes[at] !== OPEN_BRACKET) return false
    at = skipSpaces(bytes, at + 1, to)
    if (bytes[at] === CLOSE_BRACKET) return false
    this.#seen += 1
    return !isRoleOnly(bytes, at, to, this.#seen <= FIRST_EVENTS)
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
  return isDeltaName(bytes, end)
}

/** Responses and messages whose events have no name but in their data. */
function isTypedDelta(bytes: Buffer, from: number, to: number): boolean {
  const typeAt = find(bytes, from, to, TYPE)
  if (typeAt < 0) return false
  const quoteAt = skipSpaces(bytes, typeAt + TYPE.length, to)
  let end = quoteAt + 1
  while (end < to && bytes[end] !== QUOTE) end += 1
  return bytes[quoteAt] === QUOTE && isDeltaName(bytes, end)
}

function isDeltaName(bytes: Buffer, end: number): boolean {
  return (
    startsWith(bytes, end - DELTA_NAME.length, end, DELTA_NAME) &&
    !startsWith(bytes, end - MESSAGE_DELTA.length, end, MESSAGE_DELTA)
  )
}

/** The first event of each choice; only for these a text is made. @param isEarly any place will do */
function isRoleOnly(bytes: Buffer, from: number, to: number, isEarly: boolean): boolean {
  const reach = isEarly ? ROLE_REACH_BYTES : DELTA_REACH_BYTES
  const deltaAt = find(bytes, from, Math.min(to, from + reach), DELTA)
  if (deltaAt < 0) return false
  const braceAt = skipSpaces(bytes, deltaAt + DELTA.length, to)
  const isFirst = startsWith(bytes, skipSpaces(bytes, braceAt + 1, to), to, ROLE)
  if (!isFirst && !isEarly) return false
  const text = bytes.toString('latin1', braceAt, Math.min(to, braceAt + ROLE_REACH_BYTES))
  const end = text.indexOf('}')
  const delta = end < 0 ? text : text.slice(0, end + 1)
  return (isFirst || NAMED.test(delta)) && !FILLED.test(delta)
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
