/** Mooncake's JSONL, and what other tools made of it (vLLM timed_trace, AIPerf, AISBench). Pure. */
import { bodyFacts, endpointOfBody, writeBodyRow } from './body-row.ts'
import { addChain, blockIds } from './block-ids.ts'
import { fittingBlockTokens, isCovered, type BlockPair } from './block-size.ts'
import {
  asCount,
  asRecord,
  optionalCount,
  optionalNumber,
  optionalText,
  type JsonRecord,
} from './fields.ts'
import { hasKeys, type Head } from './head.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { parseJson } from './json-text.ts'
import { hasArrival, MooncakeTimes } from './mooncake-times.ts'
import { RowFault } from './row-fault.ts'

const BLOCK_TOKENS = 512

const LENGTHS = ['input_length', 'input_tokens'] as const
/** Instead of a length, AIPerf also takes what is to be sent. */
const TEXTS = ['text_input', 'messages', 'payload'] as const

/** Names that only its tools have: a first turn may tell its session and no time. */
const OWN = ['input_length', 'text_input', 'hash_ids'] as const

export const mooncake: LineImporter = {
  name: 'mooncake',
  title: 'Mooncake JSONL, also as written for vLLM timed_trace, AIPerf and GuideLLM',
  unit: 'line',
  blockTokens: BLOCK_TOKENS,
  recognises: ({ record }) =>
    record !== null &&
    !hasKeys(record, 'chat_id') &&
    (hasArrival(record) ? [...LENGTHS, ...TEXTS] : OWN).some((name) => name in record) &&
    (hasArrival(record) || 'session_id' in record),
  begin(context, head) {
    const reader = new MooncakeRows(context, head)
    return jsonLines(
      (record) => reader.add(record),
      () => reader.end(),
    )
  },
}

class MooncakeRows {
  readonly #context: ImportContext
  readonly #times: MooncakeTimes
  readonly #blockTokens: number
  #surplusCount = 0

  constructor(context: ImportContext, head: Head) {
    this.#context = context
    this.#times = new MooncakeTimes(context)
    this.#blockTokens = blockTokensOf(head)
    if (this.#blockTokens !== BLOCK_TOKENS) {
      context.note(`its ids fit blocks of ${this.#blockTokens} tokens, not of ${BLOCK_TOKENS}`)
    }
  }

  add(record: JsonRecord): void {
    const { sink } = this.#context
    const text = TEXTS.find((name) => record[name] !== undefined && record[name] !== null)
    const output = optionalCount(
      record['output_length'] ?? record['output_tokens'],
      'output_length',
    )
    const priority = optionalNumber(record['priority'], 'priority')
    const place = this.#times.place(record)
    const cells = {
      ...place.cells,
      outputTokens: output,
      ...(output === 0 ? { outcome: 'http_error' } : {}),
      priority: priority === null ? null : Math.round(priority),
    }
    if (output === null)
      this.#context.note('rows without output_length have no known answer length')
    if (text !== undefined) {
      if (record['message_mode'] === 'delta') {
        throw new RowFault('its prompt holds answers that are known only when it is run')
      }
      const body = bodyOf(text, record)
      const facts = bodyFacts(endpointOfBody(body), body)
      this.#times.keep(place, writeBodyRow(this.#context, place.dueUs, facts, cells))
      return
    }
    const promptTokens = asCount(record['input_length'] ?? record['input_tokens'], 'input_length')
    const ids = blockIds(record['hash_ids'])
    const size = optionalCount(record['block_size'], 'block_size') || this.#blockTokens
    const model = optionalText(record['model'])
    const row = { ...cells, promptTokens, tokenSource: 'server', model }
    this.#times.keep(place, sink.row(place.dueUs, row))
    const most = Math.ceil(promptTokens / size)
    if (ids.length > most) this.#surplusCount += 1
    addChain(this.#context, ids.slice(0, most), promptTokens, size)
  }

  end(): void {
    if (this.#surplusCount === 0) return
    this.#context.note(
      `${this.#surplusCount} rows have more ids than their prompt has blocks; those beyond it are left out`,
    )
  }
}

/** The size that the first rows' ids fit, if 512, which the format has, does not fit all of them. */
function blockTokensOf({ text }: Head): number {
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
  const pairs = (lines.length > 1 ? lines : [text]).flatMap(pairOf)
  if (pairs.some((pair) => isCovered(pair, BLOCK_TOKENS))) return BLOCK_TOKENS
  return fittingBlockTokens(pairs) ?? BLOCK_TOKENS
}

function pairOf(line: string): BlockPair[] {
  try {
    const record = asRecord(parseJson(line), 'the line')
    const tokens = asCount(record['input_length'] ?? record['input_tokens'], 'input_length')
    const count = blockIds(record['hash_ids']).length
    return count === 0 || record['block_size'] !== undefined ? [] : [{ tokens, count }]
  } catch (error) {
    if (error instanceof RowFault) return []
    throw error
  }
}

function bodyOf(name: (typeof TEXTS)[number], record: JsonRecord): JsonRecord {
  if (name === 'payload') return asRecord(record['payload'], 'payload')
  if (name === 'messages') return { messages: record['messages'], tools: record['tools'] }
  return { prompt: record['text_input'] }
}
