/** Counts by name, for columns with few distinct values. Pure. */

export class Tally {
  readonly #counts = new Map<string, { count: number }>()

  add(name: string | null): void {
    if (name !== null) this.#entryOf(name).count += 1
  }

  /** The first `count` of `names`; `unnamed` stands for null. Names that repeat are looked up once. */
  addAll(names: readonly (string | null)[], count: number, unnamed: string | null = null): void {
    let last: string | null = null
    let entry: { count: number } | undefined
    for (let index = 0; index < count; index += 1) {
      const name = names[index] ?? unnamed
      if (name === null) continue
      if (name !== last || entry === undefined) {
        entry = this.#entryOf(name)
        last = name
      }
      entry.count += 1
    }
  }

  #entryOf(name: string): { count: number } {
    let entry = this.#counts.get(name)
    if (entry === undefined) {
      entry = { count: 0 }
      this.#counts.set(name, entry)
    }
    return entry
  }

  countOf(name: string): number {
    return this.#counts.get(name)?.count ?? 0
  }

  /** Largest first; equal counts by name. */
  sorted(): [name: string, count: number][] {
    return [...this.#counts]
      .map(([name, { count }]): [string, number] => [name, count])
      .toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  }

  toObject(): Record<string, number> {
    return Object.fromEntries(this.sorted())
  }
}
