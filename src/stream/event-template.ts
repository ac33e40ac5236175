/**
 * Reads most events of a stream without parsing their JSON: those that differ from the last parsed
 * one only in the text of their delta. Everything else is parsed. Pure.
 */
import { addChunk, type Draft } from './draft.ts'
import { asArray, asObject, asText, parseJson, type JsonObject } from './json.ts'
import { CHUNK_CONTENT, CHUNK_REASONING } from './observation.ts'

/** Where a delta's text stands, and what it is. */
const FIELDS = [
  { name: 'content', kind: CHUNK_CONTENT },
  { name: 'text', kind: CHUNK_CONTENT },
  { name: 'reasoning', kind: CHUNK_REASONING },
  { name: 'reasoning_content', kind: CHUNK_REASONING },
].map(({ name, kind }) => ({ name, kind, mark: Buffer.from(`"${name}":"`) }))

/** Longer texts are parsed: they are rare, and a search through them is not cheaper. */
const MAX_TEXT_BYTES = 256

const QUOTE = 34
const BACKSLASH = 92

export class EventTemplate {
  #bytes: Buffer = Buffer.alloc(0)
  #prefixLength = 0
  #suffixLength = 0
  #kind: number = CHUNK_CONTENT
  #isFirstChoice = false

  /** @returns true if the event at [from, to) was one more like the last, and was noted in the draft */
  read(draft: Draft, bytes: Buffer, from: number, to: number, atUs: number): boolean {
    const start = from + this.#prefixLength
    const end = to - this.#suffixLength
    if (this.#prefixLength === 0 || end < start || end - start > MAX_TEXT_BYTES) return false
    const size = this.#bytes.length
    const suffixAt = size - this.#suffixLength
    if (bytes.compare(this.#bytes, suffixAt, size, end, to) !== 0) return false
    if (bytes.compare(this.#bytes, 0, this.#prefixLength, from, start) !== 0) return false
    const text = plainText(bytes, start, end)
    if (text === null) return false
    addChunk(draft, atUs, null, text === '' ? draft.chunks.lastKind : this.#kind)
    if (this.#isFirstChoice && draft.answer !== null) {
      if (this.#kind === CHUNK_REASONING) draft.answer.reasoning += text
      else draft.answer.text += text
    }
    return true
  }

  /** Takes an event that was parsed as the pattern of those to come, if it is plain enough. */
  learn(value: JsonObject, bytes: Buffer, from: number, to: number): void {
    this.#prefixLength = 0
    const found = plainDelta(value)
    if (found === null) return
    const { field, text, isFirstChoice } = found
    const markAt = bytes.lastIndexOf(field.mark, to - 1)
    const start = markAt + field.mark.length
    const end = endOfText(bytes, start, to)
    // The text might also stand elsewhere in the event: only a place that reads the same will do.
    if (markAt < from || end < 0 || plainText(bytes, start, end) !== text) return
    if (bytes.indexOf(field.mark, from) !== markAt) return
    this.#bytes = Buffer.from(bytes.subarray(from, to))
    this.#prefixLength = start - from
    this.#suffixLength = to - end
    this.#kind = field.kind
    this.#isFirstChoice = isFirstChoice
  }
}

type PlainDelta = Readonly<{
  field: (typeof FIELDS)[number]
  text: string
  isFirstChoice: boolean
}>

/** One choice with one text, and nothing else that means anything. */
function plainDelta(value: JsonObject): PlainDelta | null {
  const [entry, second] = asArray(value['choices'])
  const choice = asObject(entry)
  if (choice === null || second !== undefined) return null
  const isLoud = [value['usage'], value['error'], value['metrics']]
  const reason = choice['finish_reason']
  if (reason !== '') isLoud.push(reason)
  const counts = [choice['token_ids'], choice['logprobs']]
  if ([...isLoud, ...counts].some((part) => part !== null && part !== undefined)) return null
  const delta = asObject(choice['delta']) ?? choice
  const others = [delta['role'], delta['tool_calls'], delta['function_call']]
  if (others.some((part) => part !== null && part !== undefined)) return null
  const texts = FIELDS.filter(({ name }) => asText(delta[name]) !== null)
  const [field] = texts
  const text = field === undefined ? null : asText(delta[field.name])
  if (field === undefined || texts.length > 1 || text === null) return null
  return { field, text, isFirstChoice: choice['index'] === 0 }
}

/** Index of the quote that ends the text; -1 if none does. */
function endOfText(bytes: Buffer, from: number, to: number): number {
  let at = from
  while (at < to && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at < to ? at : -1
}

/** What stands between the quotes; null if it is no whole text of JSON. */
function plainText(bytes: Buffer, from: number, to: number): string | null {
  let isEscaped = false
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE || byte < 32) {
      if (!isEscaped) return null
      return asText(parseJson(`"${bytes.toString('utf8', from, to)}"`))
    }
    if (byte === BACKSLASH) isEscaped = true
  }
  const text = bytes.toString('utf8', from, to)
  return isEscaped ? asText(parseJson(`"${text}"`)) : text
}
