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
/** Between `"choices":` and `"delta":` stand at most a bracket, a brace, an index and spaces. */
const DELTA_REACH_BYTES = 60
/** Of a delta that names the role, this much is looked at. */
const ROLE_REACH_BYTES = 400
/** What makes it more than the role. */
const FILLED =
  /"(?:content|refusal|reasoning|reasoning_content)"\s*:\s*"[^"]|"tool_calls"\s*:\s*\[\s*\{/

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

/** The first event of each choice; only for these a text is made. */
function isRoleOnly(bytes: Buffer, from: number, to: number): boolean {
  const deltaAt = find(bytes, from, Math.min(to, from + DELTA_REACH_BYTES), DELTA)
  if (deltaAt < 0) return false
  const braceAt = skipSpaces(bytes, deltaAt + DELTA.length, to)
  if (!startsWith(bytes, skipSpaces(bytes, braceAt + 1, to), to, ROLE)) return false
  const text = bytes.toString('latin1', braceAt, Math.min(to, braceAt + ROLE_REACH_BYTES))
  const end = text.indexOf('}')
  return !FILLED.test(end < 0 ? text : text.slice(0, end + 1))
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
