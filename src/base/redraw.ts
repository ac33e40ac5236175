/** Lines that are rewritten where they stand on a terminal. Pure. */

/**
 * @param before the lines that stand there, the cursor behind the last; none at first
 * @param columns of the terminal now: what it broke when it was made narrower takes more rows
 * @returns what to write: the cursor goes to the first row, and nothing of `before` stays
 */
export function redraw(
  before: readonly string[],
  lines: readonly string[],
  columns: number,
): string {
  const rows = before.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0)
  const up = rows > 1 ? `\u001B[${rows - 1}A` : ''
  // Each line ends with what was there, and the last with what stood below: nothing blinks.
  return `${up}\r${lines.map((line) => `${line}\u001B[K`).join('\n')}\u001B[J`
}
