/** YAML as plain data, with the place of what is wrong. Pure. */
import { Document, isCollection, parseAllDocuments, parseDocument, visit } from 'yaml'
import { TraceError } from './errors.ts'

/** Aliases can make a small file huge; configuration needs few. */
const MAX_ALIASES = 100

/**
 * @param where what the user calls the text: a file's name
 * @returns plain objects, arrays, strings, numbers, booleans and nulls
 * @throws TraceError BAD_OPTION naming line and column of the first fault
 */
export function parseYaml(text: string, where: string): unknown {
  return plain(parseDocument(text, OPTIONS), where)
}

/** The same for a file of several documents with --- between them. */
export function parseYamlDocuments(text: string, where: string): unknown[] {
  const documents = parseAllDocuments(text, OPTIONS)
  return [...documents].map((document) => plain(document, where))
}

const OPTIONS = { prettyErrors: true, uniqueKeys: true } as const

function plain(document: Pick<Document, 'errors' | 'toJS'>, where: string): unknown {
  const [fault] = document.errors
  if (fault !== undefined) {
    const [place] = fault.linePos ?? []
    const at = place === undefined ? '' : ` line ${place.line}, column ${place.col}`
    throw new TraceError('BAD_OPTION', `${where}:${at} is not valid YAML (${fault.code})`, {
      hint: 'Check indentation, quotes and repeated keys at that place.',
    })
  }
  return document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown
}

/** @param compactKeys whose lists and mappings are written on one line, as long as it is */
export function formatYaml(value: unknown, compactKeys: readonly string[] = []): string {
  const document = new Document(value)
  visit(document, {
    Pair: (_, { key, value: held }) => {
      if (compactKeys.includes(String(key)) && isCollection(held)) held.flow = true
    },
  })
  // In a block each line of a text would look like an item.
  return foldItems(document.toString({ lineWidth: LINE_WIDTH, blockQuote: false }))
}

const LINE_WIDTH = 100
/** A line that is one number of a list, or one list of numbers. */
const ITEM = /^(\s+)((?:\[ ?)?-?\d[-\d.eE+, ]*(?: ?\])?,?)$/

/** Long lists of numbers go on many to a line, not one. */
function foldItems(text: string): string {
  const lines: string[] = []
  let indent: string | null = null
  for (const line of text.split('\n')) {
    const [, margin = '', item = ''] = ITEM.exec(line) ?? []
    const last = lines.at(-1) ?? ''
    if (item !== '' && margin === indent && last.length + item.length < LINE_WIDTH) {
      lines[lines.length - 1] = `${last} ${item}`
    } else {
      lines.push(line)
    }
    indent = item === '' ? null : margin
  }
  return lines.join('\n')
}
