/**
 * One spelling for a prompt in any dialect, as bytes, so that equal beginnings of conversations are
 * equal bytes. It is hashed block by block (`prefix-chain.ts`) and never stored. Pure.
 *
 * Parts are marked by 0xFF and a letter: UTF-8 never holds that byte, so text cannot imitate a mark,
 * and nothing before a text depends on its length. What a chat template leaves out is left out:
 * ids of calls, names of speakers, and reasoning, which clients do not send back.
 */
import { hash } from 'node:crypto'
import { canonicalJson } from '../trace/canonical.ts'
import type { EndpointName } from '../trace/columns.ts'
import { asArray, asObject, asText, parseJson, type JsonObject } from './json.ts'

/** Text and marks in order; joined once. */
class Pieces {
  readonly #parts: Buffer[] = []
  /** Where each answer that the prompt quotes begins and ends. */
  readonly answers: { from: number; to: number }[] = []
  length = 0

  push(...parts: readonly Buffer[]): void {
    for (const part of parts) {
      this.#parts.push(part)
      this.length += part.length
    }
  }

  /** Turns of the assistant that follow each other are one answer. */
  noteAnswer(from: number): void {
    const last = this.answers.at(-1)
    if (last?.to === from) last.to = this.length
    else this.answers.push({ from, to: this.length })
  }

  join(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

const MARK = {
  tools: mark('T'),
  message: mark('M'),
  content: mark('C'),
  part: mark('P'),
  image: mark('I'),
  call: mark('F'),
  arguments: mark('A'),
  result: mark('R'),
  end: mark('E'),
  ids: mark('D'),
} as const

function mark(letter: string): Buffer {
  return Buffer.from([0xff, letter.charCodeAt(0)])
}

/** How the next turn would quote an answer. */
export type AnswerQuote = Readonly<{
  text: string
  calls: readonly Readonly<{ name: string; arguments: string }>[]
}>

export type RenderedPrompt = Readonly<{
  bytes: Buffer
  /** Where each answer that it quotes begins and ends; none in a completions prompt. */
  answers: readonly Readonly<{ from: number; to: number }>[]
}>

/** @returns the prompt's bytes; null where one row has no single prompt (several, or no body) */
export function renderPrompt(endpoint: EndpointName, body: JsonObject): Buffer | null {
  return renderConversation(endpoint, body)?.bytes ?? null
}

/** As `renderPrompt`, with the places of the answers in it. */
export function renderConversation(
  endpoint: EndpointName,
  body: JsonObject,
): RenderedPrompt | null {
  const pieces = new Pieces()
  switch (endpoint) {
    case 'chat':
      renderTools(pieces, body['tools'])
      asArray(body['messages']).forEach((message) => renderMessage(pieces, message))
      break
    case 'messages':
      renderTools(pieces, body['tools'])
      if (body['system'] !== undefined) renderTurn(pieces, 'system', body['system'], [])
      asArray(body['messages']).forEach((message) => renderMessage(pieces, message))
      break
    case 'responses':
      renderTools(pieces, body['tools'])
      if (asText(body['instructions']) !== null) {
        renderTurn(pieces, 'system', body['instructions'], [])
      }
      renderInput(pieces, body['input'])
      break
    case 'completions': {
      const bytes = renderRaw(body['prompt'])
      return bytes === null ? null : { bytes, answers: [] }
    }
    case 'embeddings':
    case 'other':
      return null
  }
  return pieces.length === 0 ? null : { bytes: pieces.join(), answers: pieces.answers }
}

/** The bytes that follow the prompt's once its answer is quoted verbatim. */
export function renderAnswer(endpoint: EndpointName, answer: AnswerQuote): Buffer {
  if (endpoint === 'completions') return Buffer.from(answer.text)
  const pieces = new Pieces()
  const calls = answer.calls.map((call) => [call.name, call.arguments] as const)
  if (endpoint !== 'responses') {
    renderTurn(pieces, 'assistant', answer.text, calls)
  } else {
    // Each item of the output comes back as an item of the input.
    if (answer.text !== '') renderTurn(pieces, 'assistant', answer.text, [])
    for (const call of calls) renderTurn(pieces, 'assistant', '', [call])
  }
  return pieces.join()
}

function renderRaw(prompt: unknown): Buffer | null {
  if (typeof prompt === 'string') return Buffer.from(prompt)
  const list = asArray(prompt)
  if (list.length === 1 && typeof list[0] !== 'number') return renderRaw(list[0])
  if (list.length === 0 || !list.every((id) => typeof id === 'number')) return null
  const bytes = Buffer.alloc(2 + list.length * 4)
  MARK.ids.copy(bytes)
  list.forEach((id, index) => bytes.writeUInt32BE(id >>> 0, 2 + index * 4))
  return bytes
}

function renderTools(pieces: Pieces, tools: unknown): void {
  const list = asArray(tools)
  if (list.length > 0) pieces.push(MARK.tools, Buffer.from(canonicalJson(list)), MARK.end)
}

type Call = readonly [name: string, args: unknown]

function renderTurn(pieces: Pieces, role: string, content: unknown, calls: readonly Call[]): void {
  const from = pieces.length
  pieces.push(MARK.message, Buffer.from(role), MARK.content)
  const inner = renderContent(pieces, content)
  for (const [name, args] of [...inner, ...calls]) {
    pieces.push(MARK.call, Buffer.from(name), MARK.arguments, renderArguments(args))
  }
  pieces.push(MARK.end)
  if (role === 'assistant') pieces.noteAnswer(from)
}

/** A message of chat or messages. */
function renderMessage(pieces: Pieces, value: unknown): void {
  const message = asObject(value)
  if (message === null) return
  const calls = asArray(message['tool_calls']).map((entry): Call => {
    const named = asObject(asObject(entry)?.['function'])
    return [asText(named?.['name']) ?? '', named?.['arguments']]
  })
  renderTurn(pieces, asText(message['role']) ?? '', message['content'], calls)
}

/** The input of responses: a text, or items of which some stand for whole turns. */
function renderInput(pieces: Pieces, input: unknown): void {
  if (typeof input === 'string') return renderTurn(pieces, 'user', input, [])
  for (const entry of asArray(input)) {
    const item = asObject(entry)
    switch (asText(item?.['type']) ?? 'message') {
      case 'message':
        renderMessage(pieces, item)
        break
      case 'function_call':
        renderTurn(pieces, 'assistant', '', [[asText(item?.['name']) ?? '', item?.['arguments']]])
        break
      case 'function_call_output':
        renderTurn(pieces, 'tool', item?.['output'], [])
        break
      default:
        break
    }
  }
}

/** A text, or a list of parts; one text part is the same as the text. @returns calls inside it */
function renderContent(pieces: Pieces, content: unknown): Call[] {
  if (typeof content === 'string') {
    pieces.push(Buffer.from(content))
    return []
  }
  const calls: Call[] = []
  let count = 0
  for (const entry of asArray(content)) {
    const part = asObject(entry) ?? {}
    const type = asText(part['type']) ?? ''
    if (type === 'thinking' || type === 'redacted_thinking' || type === 'reasoning') continue
    if (type === 'tool_use') {
      calls.push([asText(part['name']) ?? '', part['input']])
      continue
    }
    if (count > 0) pieces.push(MARK.part)
    count += 1
    calls.push(...renderPart(pieces, part))
  }
  return calls
}

function renderPart(pieces: Pieces, part: JsonObject): Call[] {
  const text = asText(part['text']) ?? asText(part['refusal'])
  if (text !== null) {
    pieces.push(Buffer.from(text))
    return []
  }
  if (part['type'] === 'tool_result') {
    pieces.push(MARK.result)
    return renderContent(pieces, part['content'])
  }
  // Images, sound and files: by the hash of what the client sent for them.
  pieces.push(MARK.image, hash('sha256', canonicalJson(withoutHints(part)), 'buffer'))
  return []
}

/** Marks for the server's cache change nothing of the prompt. */
function withoutHints(part: JsonObject): JsonObject {
  const { cache_control: _hint, ...rest } = part
  return rest
}

/** Arguments come as a text of JSON or as JSON; both are spelt the same. */
function renderArguments(value: unknown): Buffer {
  if (typeof value !== 'string') return Buffer.from(canonicalJson(value ?? {}))
  if (value === '') return Buffer.from('{}')
  const parsed = parseJson(value)
  return Buffer.from(parsed === null ? value : canonicalJson(parsed))
}
