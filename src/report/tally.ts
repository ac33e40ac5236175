/** Counts by name, for columns with few distinct values. Pure. */

export class Tally {
  readonly #counts = new Map<string, number>()

  add(name: string | null): void {
    if (name !== null) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  get size(): number {
    return this.#counts.size
  }

  get total(): number {
    return this.sorted().reduce((sum, [, count]) => sum + count, 0)
  }

  countOf(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  /** Largest first; equal counts by name. */
  sorted(): [name: string, count: number][] {
    return [...this.#counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  }

  toObject(): Record<string, number> {
    return Object.fromEntries(this.sorted())
  }
}
