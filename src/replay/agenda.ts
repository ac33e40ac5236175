/** What has to happen at which instant: a binary heap, first come first served within one instant. Pure. */

export class Agenda<T> {
  readonly #atUs: number[] = []
  readonly #order: number[] = []
  readonly #items: T[] = []
  #added = 0

  get size(): number {
    return this.#items.length
  }

  /** The earliest instant, µs; infinity when there is nothing. */
  get nextUs(): number {
    return this.#atUs[0] ?? Number.POSITIVE_INFINITY
  }

  add(atUs: number, item: T): void {
    let at = this.#items.length
    this.#atUs.push(atUs)
    this.#order.push(this.#added)
    this.#items.push(item)
    this.#added += 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  /** Takes the earliest item out; undefined when there is none. */
  take(): T | undefined {
    const last = this.#items.length - 1
    if (last < 0) return undefined
    this.#swap(0, last)
    this.#atUs.pop()
    this.#order.pop()
    const item = this.#items.pop()
    this.#sink(last)
    return item
  }

  #sink(size: number): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= size) return
      const right = left + 1
      const child = right < size && this.#isBefore(right, left) ? right : left
      if (!this.#isBefore(child, at)) return
      this.#swap(child, at)
      at = child
    }
  }

  #isBefore(a: number, b: number): boolean {
    const difference = (this.#atUs[a] ?? 0) - (this.#atUs[b] ?? 0)
    return difference < 0 || (difference === 0 && (this.#order[a] ?? 0) < (this.#order[b] ?? 0))
  }

  #swap(a: number, b: number): void {
    for (const values of [this.#atUs, this.#order, this.#items] as const) {
      const held = values[a]
      values[a] = values[b] as never
      values[b] = held as never
    }
  }
}
