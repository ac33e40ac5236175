/** Rows that stand in one JSON list or in a Parquet file instead of one a line. Pure. */
import { asList, asRecord, isRecord, type JsonRecord } from './fields.ts'
import { headOfRecords, type Head } from './head.ts'
import type { DocumentImporter, ImportContext, LineImporter, LineReader } from './importer.ts'
import { parseJson } from './json-text.ts'
import { RowFault } from './row-fault.ts'

/** The format of which this would be a line. */
export type FindImporter = (record: JsonRecord) => LineImporter | null

/** A reader sees as many before it begins, as it would of a file's first lines. */
const SAMPLE_COUNT = 64

/** One after the other into the reader of the format that the first is of. */
export class RecordList {
  readonly #find: FindImporter
  readonly #context: ImportContext
  #waiting: JsonRecord[] = []
  #reader: LineReader | null = null

  constructor(find: FindImporter, context: ImportContext) {
    this.#find = find
    this.#context = context
  }

  /** A row that cannot be read is counted, and the rest goes on. */
  add(item: unknown): void {
    this.#try(() => {
      const record = asRecord(item, 'an element of the list')
      if (this.#reader !== null) this.#reader.record?.(record)
      else if (this.#waiting.push(record) === SAMPLE_COUNT) this.#begin()
    })
  }

  /** @throws RowFault if the first is of no known format */
  end(): void {
    if (this.#reader === null) this.#begin()
    this.#try(() => this.#reader?.end?.())
  }

  #begin(): void {
    const [first] = this.#waiting
    const importer = first === undefined ? null : this.#find(first)
    if (importer === null) throw new NoFormat()
    this.#reader = importer.begin(this.#context, headOfRecords(this.#waiting))
    for (const record of this.#waiting) this.#try(() => this.#reader?.record?.(record))
    this.#waiting = []
  }

  #try(step: () => void): void {
    try {
      step()
    } catch (error) {
      if (!(error instanceof RowFault) || error instanceof NoFormat) throw error
      this.#context.fault(error.message)
    }
  }
}

class NoFormat extends RowFault {
  constructor() {
    super('its columns are of no format that is known here')
  }
}

/** The same format, its rows in one JSON list. */
export function asDocument(importer: LineImporter): DocumentImporter {
  const { name, title, traceKind, recognises } = importer
  return {
    name,
    title,
    ...(traceKind === undefined ? {} : { traceKind }),
    recognises,
    unit: 'document',
    read(document, context) {
      const list = new RecordList(() => importer, context)
      for (const item of asList(document, 'the file')) list.add(item)
      list.end()
    },
  }
}

/** The first element of a JSON list, if it ends within the head; null for anything else. */
export function firstOfList({ text }: Head): JsonRecord | null {
  const start = /^\s*\[\s*\{/.exec(text)
  if (start === null) return null
  const from = start[0].length - 1
  for (let end = text.indexOf('}', from); end >= 0; end = text.indexOf('}', end + 1)) {
    const element = recordIn(text.slice(from, end + 1))
    if (element !== null) return element
    if (end - from > MAX_ELEMENT_CHARS) return null
  }
  return null
}

/** Longer elements are conversations, which have readers of their own. */
const MAX_ELEMENT_CHARS = 16_384

function recordIn(text: string): JsonRecord | null {
  try {
    const value = parseJson(text)
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}
