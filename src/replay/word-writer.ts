/** Writes words or token ids by their index, byte by byte, without a string in between. Pure. */

export class WordWriter {
  /** Longest entry with its separator, bytes. */
  readonly longestBytes: number
  readonly #bytes: Uint8Array
  readonly #ends: Uint32Array
  readonly #separatorBytes: number

  /** @param entries ASCII, without anything that JSON would escape */
  constructor(entries: readonly string[], separator: string) {
    const joined = entries.map((entry) => `${entry}${separator}`)
    this.#bytes = Buffer.from(joined.join(''), 'latin1')
    this.#ends = new Uint32Array(entries.length + 1)
    for (const [at, entry] of joined.entries()) {
      this.#ends[at + 1] = (this.#ends[at] ?? 0) + entry.length
    }
    this.#separatorBytes = separator.length
    this.longestBytes = joined.reduce((longest, entry) => Math.max(longest, entry.length), 1)
  }

  /** @returns where the written bytes end in `into` */
  write(
    indexes: Uint32Array,
    count: number,
    into: Buffer,
    from: number,
    open: string,
    close: string,
  ): number {
    const bytes = this.#bytes
    const ends = this.#ends
    let at = from + into.write(open, from, 'latin1')
    for (let which = 0; which < count; which += 1) {
      const index = indexes[which] ?? 0
      const end = ends[index + 1] ?? 0
      for (let source = ends[index] ?? 0; source < end; source += 1) into[at++] = bytes[source] ?? 0
    }
    if (count > 0) at -= this.#separatorBytes
    return at + into.write(close, at, 'latin1')
  }
}
