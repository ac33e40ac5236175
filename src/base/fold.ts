/** Text that fits a terminal and cannot command it. Pure. */

/** What every terminal has; nothing that a person reads is wider. */
export const TEXT_COLUMNS = 80

/** Control characters, and those that turn the direction of text. */
export const CONTROLS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** With each of them as an escape. */
export function escapeText(text: string): string {
  return text.replace(CONTROLS, (found) => `\\u{${found.codePointAt(0)?.toString(16)}}`)
}

/** A label and the gap behind it are at most this wide; what is longer is a sentence. */
const MAX_INDENT = 20

/**
 * Breaks long lines, between clauses where it can, else between words; what follows stands under the
 * text behind the line's label. A word that is too long (a path, a digest) is left whole.
 * @param text lines; a line feed at the end stays
 */
export function fold(text: string, columns = TEXT_COLUMNS): string {
  return text
    .split('\n')
    .flatMap((line) => foldLine(escapeText(line), columns))
    .join('\n')
}

function foldLine(line: string, columns: number): string[] {
  if (line.length <= columns) return [line]
  const indent = indentOf(line)
  const lines: string[] = []
  let rest = line
  while (rest.length > columns) {
    const [end, next] = breakOf(rest, indent + 1, columns)
    if (end < 0) break
    lines.push(rest.slice(0, end).trimEnd())
    rest = ' '.repeat(indent) + rest.slice(next)
  }
  return [...lines, rest]
}

/** Where the text begins: behind the first gap of two spaces, or as deep as the line itself. */
function indentOf(line: string): number {
  const label = /^(?: *\S+(?: \S+)*? {2,}| {2,})/.exec(line)?.[0].length ?? 0
  return label > 0 && label <= MAX_INDENT ? label : 2
}

/** @returns the end of the line, and where the next begins; [-1, -1] where it cannot be broken */
function breakOf(line: string, least: number, columns: number): [number, number] {
  const clause = line.lastIndexOf(' · ', columns)
  // Not so early that the line is nearly empty.
  if (clause >= least && clause > columns / 3) return [clause, clause + 3]
  const fitting = line.lastIndexOf(' ', columns)
  const word = fitting >= least ? fitting : line.indexOf(' ', Math.max(least, columns))
  return word < 0 ? [-1, -1] : [word, word + 1]
}
