/** The columns of an Arrow file and how each is stored. Pure. Layout: Apache Arrow, "Schema.fbs". */
import type { ColumnType } from './columns.ts'
import type { FlatTable } from './flat-table.ts'

export type ArrowField = Readonly<{
  name: string
  kind: ArrowKind
  isNullable: boolean
  /** Texts and bytes have offsets of 64 bits, as pandas and polars write them, not of 32. */
  isLarge: boolean
}>

/** How a column is stored, and so which of our types it can carry. */
export type ArrowKind = 'int64' | 'uint64' | 'double' | 'bool' | 'utf8' | 'binary'

export const KIND_OF: Readonly<Record<ColumnType, ArrowKind>> = {
  int: 'int64',
  real: 'double',
  flag: 'bool',
  id: 'uint64',
  text: 'utf8',
  json: 'utf8',
  bytes: 'binary',
}

export type ArrowSchema = Readonly<{
  fields: readonly ArrowField[]
  metadata: ReadonlyMap<string, string>
}>

/** @returns null where a column is stored in a way that no trace has */
export function readSchema(schema: FlatTable | null): ArrowSchema | null {
  const fields = (schema?.tables(1) ?? []).flatMap((field) => readField(field) ?? [])
  if (fields.length < (schema?.tables(1).length ?? 0)) return null
  return { fields, metadata: readMetadata(schema?.tables(2) ?? []) }
}

export function readMetadata(pairs: readonly FlatTable[]): Map<string, string> {
  return new Map(pairs.map((pair) => [pair.text(0), pair.text(1)]))
}

const TYPE_INT = 2
const TYPE_DOUBLE = 3
const TYPE_BINARY = 4
const TYPE_UTF8 = 5
const TYPE_BOOL = 6
const TYPE_LARGE_BINARY = 19
const TYPE_LARGE_UTF8 = 20
const PRECISION_DOUBLE = 2

function readField(field: FlatTable): ArrowField | null {
  const type = field.byte(2)
  const kind = readKind(type, field.table(3))
  if (kind === null || field.table(4) !== null) return null
  const isLarge = type === TYPE_LARGE_BINARY || type === TYPE_LARGE_UTF8
  return { name: field.text(0), kind, isNullable: field.byte(1) !== 0, isLarge }
}

function readKind(type: number, detail: FlatTable | null): ArrowKind | null {
  switch (type) {
    case TYPE_INT:
      if (detail?.int(0) !== 64) return null
      return detail.byte(1) === 1 ? 'int64' : 'uint64'
    case TYPE_DOUBLE:
      return detail?.short(0) === PRECISION_DOUBLE ? 'double' : null
    case TYPE_BINARY:
    case TYPE_LARGE_BINARY:
      return 'binary'
    case TYPE_UTF8:
    case TYPE_LARGE_UTF8:
      return 'utf8'
    case TYPE_BOOL:
      return 'bool'
    default:
      return null
  }
}
