/** Counts by name, for columns with few distinct values. Pure. */

export class Tally {
  readonly #counts = new Map<string, { count: number }>()

  add(name: string | null): void {
    if (name === null) return
    const entry = this.#counts.get(name)
    if (entry) entry.count += 1
    else this.#counts.set(name, { count: 1 })
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
