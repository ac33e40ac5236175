/**
 * Reads flatbuffer tables, the form of Arrow's metadata, and refuses whatever points outside its bytes.
 * Pure. apache-arrow's own reader takes such offsets as zeros and lengths as they come, so that a
 * damaged file could make it allocate without bound; files from strangers are read by this one.
 */
import { TraceError } from '../base/errors.ts'

export class FlatTable {
  readonly #view: DataView
  readonly #at: number
  readonly #fields: number
  readonly #fieldsBytes: number

  private constructor(view: DataView, at: number) {
    this.#view = view
    this.#at = at
    this.#fields = at - int32(view, at)
    this.#fieldsBytes = uint16(view, this.#fields)
  }

  /** @param bytes one flatbuffer; its first word points at the root table */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return new FlatTable(view, uint32(view, 0))
  }

  /** @returns the place of a field's value, or 0 if it is absent */
  #place(field: number): number {
    const entry = 4 + field * 2
    if (entry >= this.#fieldsBytes) return 0
    const offset = uint16(this.#view, this.#fields + entry)
    return offset === 0 ? 0 : this.#at + offset
  }

  byte(field: number): number {
    const at = this.#place(field)
    return at === 0 ? 0 : checked(this.#view, at, 1).getUint8(at)
  }

  short(field: number): number {
    const at = this.#place(field)
    return at === 0 ? 0 : uint16(this.#view, at)
  }

  int(field: number): number {
    const at = this.#place(field)
    return at === 0 ? 0 : int32(this.#view, at)
  }

  /** A 64-bit number that must be a size or an offset. */
  size(field: number): number {
    const at = this.#place(field)
    return at === 0 ? 0 : sizeAt(this.#view, at)
  }

  table(field: number): FlatTable | null {
    const at = this.#place(field)
    return at === 0 ? null : new FlatTable(this.#view, at + uint32(this.#view, at))
  }

  text(field: number): string {
    const { start, count } = this.#vector(field, 1)
    const bytes = new Uint8Array(this.#view.buffer, this.#view.byteOffset + start, count)
    return Buffer.from(bytes.buffer, bytes.byteOffset, count).toString('utf8')
  }

  tables(field: number): FlatTable[] {
    const { start, count } = this.#vector(field, 4)
    return Array.from({ length: count }, (_, index) => {
      const at = start + index * 4
      return new FlatTable(this.#view, at + uint32(this.#view, at))
    })
  }

  /** A vector of structs of two 64-bit sizes, flat: 2 × count numbers. */
  pairs(field: number): Float64Array {
    const { start, count } = this.#vector(field, 16)
    const sizes = new Float64Array(count * 2)
    for (let index = 0; index < sizes.length; index += 1) {
      sizes[index] = sizeAt(this.#view, start + index * 8)
    }
    return sizes
  }

  /** First words, 64-bit sizes, of a vector of structs of so many bytes. */
  firstSizes(field: number, structBytes: number): Float64Array {
    const { start, count } = this.#vector(field, structBytes)
    const sizes = new Float64Array(count)
    for (let index = 0; index < count; index += 1) {
      sizes[index] = sizeAt(this.#view, start + index * structBytes)
    }
    return sizes
  }

  /** Checked against the bytes that are there, before anything is allocated for it. */
  #vector(field: number, elementBytes: number): { start: number; count: number } {
    const place = this.#place(field)
    if (place === 0) return { start: 0, count: 0 }
    const at = place + uint32(this.#view, place)
    const count = uint32(this.#view, at)
    checked(this.#view, at + 4, count * elementBytes)
    return { start: at + 4, count }
  }
}

function checked(view: DataView, at: number, sizeBytes: number): DataView {
  if (at >= 0 && at + sizeBytes <= view.byteLength) return view
  throw damaged()
}

function uint16(view: DataView, at: number): number {
  return checked(view, at, 2).getUint16(at, true)
}

function int32(view: DataView, at: number): number {
  return checked(view, at, 4).getInt32(at, true)
}

function uint32(view: DataView, at: number): number {
  return checked(view, at, 4).getUint32(at, true)
}

function sizeAt(view: DataView, at: number): number {
  const value = Number(checked(view, at, 8).getBigInt64(at, true))
  if (value < 0 || !Number.isSafeInteger(value)) throw damaged()
  return value
}

function damaged(): TraceError {
  return new TraceError('TRACE_UNREADABLE', 'an Arrow message is damaged')
}
