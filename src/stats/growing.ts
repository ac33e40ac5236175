/** A column of numbers whose length is not known ahead: doubles, so that a million rows stay cheap. Pure. */

const FIRST_CAPACITY = 4_096

export class GrowingColumn {
  #values = new Float64Array(FIRST_CAPACITY)
  #length = 0

  get length(): number {
    return this.#length
  }

  push(value: number): void {
    if (this.#length === this.#values.length) this.#grow(this.#length + 1)
    this.#values[this.#length] = value
    this.#length += 1
  }

  /** Appends the first `count` of `values`. */
  append(values: Float64Array, count: number): void {
    if (this.#length + count > this.#values.length) this.#grow(this.#length + count)
    this.#values.set(values.subarray(0, count), this.#length)
    this.#length += count
  }

  /** What was put in so far; a view, valid until the next push. */
  view(): Float64Array {
    return this.#values.subarray(0, this.#length)
  }

  #grow(needed: number): void {
    const larger = new Float64Array(Math.max(needed, this.#values.length * 2))
    larger.set(this.#values.subarray(0, this.#length))
    this.#values = larger
  }
}

/** A column of names, few of them distinct: each is kept once. */
export class NameColumn {
  readonly #codes = new GrowingColumn()
  readonly #names: (string | null)[] = []
  readonly #codeOf = new Map<string | null, number>()

  push(name: string | null): void {
    let code = this.#codeOf.get(name)
    if (code === undefined) {
      code = this.#names.push(name) - 1
      this.#codeOf.set(name, code)
    }
    this.#codes.push(code)
  }

  at(row: number): string | null {
    return this.#names[this.#codes.view()[row]!] ?? null
  }
}

/** Which of `count` rows are wanted, ascending: four bytes a row. */
export function rowsWhere(count: number, isWanted: (row: number) => boolean): Uint32Array {
  const rows = new Uint32Array(count)
  let length = 0
  for (let row = 0; row < count; row += 1) if (isWanted(row)) rows[length++] = row
  return rows.subarray(0, length)
}

/** The values that are not NaN, in their order; where all are, `values` itself. A filter would box each of them. */
export function known(values: Float64Array): Float64Array {
  let count = 0
  for (let index = 0; index < values.length; index += 1) {
    if (!Number.isNaN(values[index]!)) count += 1
  }
  if (count === values.length) return values
  const found = new Float64Array(count)
  let length = 0
  for (let index = 0; length < count; index += 1) {
    if (!Number.isNaN(values[index]!)) found[length++] = values[index]!
  }
  return found
}
