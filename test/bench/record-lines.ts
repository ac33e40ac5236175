/** What the recorder's benchmark has measured so far. Effects: prints each line as it comes. */

export type Line = Readonly<Record<string, string | number>>

export const lines: Line[] = []

export function report(line: Line): void {
  lines.push(line)
  const text = Object.entries(line).map(([key, value]) => `${key} ${value}`)
  process.stdout.write(`${text.join(' · ')}\n`)
}

export function rounded(value: number): number {
  return Number(value.toFixed(1))
}

/** The value at share q. */
export function at(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0
}
