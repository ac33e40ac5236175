/** Bytes that came and wait for those that belong with them; long ones are joined once. Pure. */

const EMPTY = Buffer.alloc(0)

export class HeldBytes {
  #bytes: Buffer = EMPTY
  /** Came since, and not joined: what is wanted is not all there. */
  readonly #later: Buffer[] = []
  #laterBytes = 0
  #wantedBytes = 0

  /** All of them, once as many are there as were wanted. */
  get bytes(): Buffer {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#bytes.length === 0
  }

  /**
   * @param bytes may be reused by their owner after `own`
   * @returns false while less is there than is wanted
   */
  add(bytes: Buffer): boolean {
    if (this.#bytes.length + this.#laterBytes + bytes.length < this.#wantedBytes) {
      this.#later.push(Buffer.from(bytes))
      this.#laterBytes += bytes.length
      return false
    }
    const parts = [this.#bytes, ...this.#later.splice(0), bytes].filter(({ length }) => length > 0)
    this.#bytes = parts.length === 1 ? (parts[0] ?? EMPTY) : Buffer.concat(parts)
    this.#laterBytes = 0
    this.#wantedBytes = 0
    return true
  }

  /** Nothing can be done before so many are there. */
  want(sizeBytes: number): void {
    this.#wantedBytes = sizeBytes
  }

  /** @returns the first so many; null, and they are wanted, where fewer are there */
  take(sizeBytes: number): Buffer | null {
    if (sizeBytes <= this.#bytes.length) return this.takeUpTo(sizeBytes)
    this.want(sizeBytes)
    return null
  }

  takeUpTo(sizeBytes: number): Buffer {
    const part = this.#bytes.subarray(0, sizeBytes)
    this.#bytes = this.#bytes.subarray(part.length)
    return part
  }

  /** Those that were waiting, too. */
  takeAll(): Buffer {
    this.#wantedBytes = 0
    this.add(EMPTY)
    return this.takeUpTo(this.#bytes.length)
  }

  /** Copies what is left, since its memory belongs to others. */
  own(): void {
    this.#bytes = this.isEmpty ? EMPTY : Buffer.from(this.#bytes)
  }
}
