/** Small pieces of text that several reports are made of. Pure. */

/** A line with its label in the first eleven columns. */
export function labelled(label: string, text: string): string {
  return `${label.padEnd(11)}${text}`
}

/** Parts with ` · ` between them; false and null are left out. */
export function joined(parts: readonly (string | false | null)[]): string {
  return parts.filter((part) => part !== false && part !== null).join(' · ')
}
