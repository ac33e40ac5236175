/** One column of a batch as apache-arrow holds it: Arrow's own types, nothing packed by us. Pure. */
import {
  Binary,
  Bool,
  Float64,
  Int64,
  Uint64,
  Utf8,
  makeData,
  type Data as ArrowData,
  type DataType,
} from 'apache-arrow'
import { isNull, type Batch, type ColumnEntry, type Data } from './table.ts'

export function arrowType(type: ColumnEntry['type']): DataType {
  switch (type) {
    case 'int':
      return new Int64()
    case 'real':
      return new Float64()
    case 'flag':
      return new Bool()
    case 'id':
      return new Uint64()
    case 'text':
    case 'json':
      return new Utf8()
    case 'bytes':
    default:
      return new Binary()
  }
}

type Validity = { nullBitmap: Uint8Array; nullCount: number }

export function columnData({ key, type }: ColumnEntry, { rowCount, columns }: Batch): ArrowData {
  const data = columns[key]
  const common = { length: rowCount, ...validityOf(data, rowCount) }
  switch (type) {
    case 'int':
      return makeData({
        ...common,
        type: new Int64(),
        data: wholes(data as Float64Array | undefined, rowCount),
      })
    case 'real':
      return makeData({
        ...common,
        type: new Float64(),
        data: reals(data as Float64Array | undefined, rowCount),
      })
    case 'flag':
      return makeData({
        ...common,
        type: new Bool(),
        data: flags(data as Float64Array | undefined, rowCount),
      })
    case 'id': {
      const ids = (data as BigUint64Array | undefined) ?? new BigUint64Array(rowCount)
      return makeData({ ...common, type: new Uint64(), data: ids.subarray(0, rowCount) })
    }
    case 'text':
    case 'json':
      return makeData({ ...common, type: new Utf8(), ...lists(data, rowCount) })
    case 'bytes':
    default:
      return makeData({ ...common, type: new Binary(), ...lists(data, rowCount) })
  }
}

function validityOf(data: Data | undefined, rowCount: number): Validity {
  const nullBitmap = new Uint8Array(Math.ceil(rowCount / 64) * 8)
  let nullCount = rowCount
  if (data === undefined) return { nullBitmap, nullCount }
  for (let row = 0; row < rowCount; row += 1) {
    if (isNull(data, row)) continue
    nullBitmap[row >> 3] = (nullBitmap[row >> 3] ?? 0) | (1 << (row & 7))
    nullCount -= 1
  }
  return { nullBitmap, nullCount }
}

/** As 64-bit words, written by halves: a BigInt for each would be slow. */
function wholes(data: Float64Array | undefined, rowCount: number): BigInt64Array {
  const words = new Int32Array(rowCount * 2)
  if (data === undefined) return new BigInt64Array(words.buffer)
  for (let row = 0; row < rowCount; row += 1) {
    const value = data[row] ?? NaN
    if (Number.isNaN(value)) continue
    words[row * 2] = (value % 0x1_0000_0000) | 0
    words[row * 2 + 1] = Math.floor(value / 0x1_0000_0000)
  }
  return new BigInt64Array(words.buffer)
}

function reals(data: Float64Array | undefined, rowCount: number): Float64Array {
  const values = new Float64Array(rowCount)
  if (data === undefined) return values
  for (let row = 0; row < rowCount; row += 1) {
    const value = data[row] ?? NaN
    // Adding zero turns −0, which SQLite cannot keep, into 0.
    if (!Number.isNaN(value)) values[row] = value + 0
  }
  return values
}

function flags(data: Float64Array | undefined, rowCount: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(rowCount / 64) * 8)
  if (data === undefined) return bits
  for (let row = 0; row < rowCount; row += 1) {
    if (data[row] === 1) bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7))
  }
  return bits
}

function lists(data: Data | undefined, rowCount: number) {
  const valueOffsets = new Int32Array(rowCount + 1)
  const parts: Uint8Array[] = []
  let at = 0
  for (let row = 0; row < rowCount; row += 1) {
    const value = data?.[row] ?? null
    if (value !== null) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array)
      parts.push(bytes)
      at += bytes.length
    }
    valueOffsets[row + 1] = at
  }
  return { valueOffsets, data: Buffer.concat(parts) }
}
