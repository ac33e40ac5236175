import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rowDigest } from '../../src/trace/digest.ts'
import { TABLE_NAMES, columnsOf } from '../../src/trace/table.ts'
import { VECTOR_TRACES } from '../support/digest-vectors.ts'
import { ANY_TABLES } from '../support/random-rows.ts'
import { rowsTrace, type TableRows } from '../support/rows-trace.ts'
import { traceDocument } from '../support/trace-document.ts'

/** The definition in docs/trace-format.md, read literally. */
function digestByDefinition(tables: TableRows): string {
  const parts: Buffer[] = [Buffer.from('vllm-trace rows 1\n')]
  for (const table of TABLE_NAMES) {
    parts.push(Buffer.from(`${table}\n`))
    const rows = (tables[table] ?? []) as readonly Record<string, unknown>[]
    const keys = { request: ['atUs', 'seq'], block: ['id'] }[table as string]
    const by = keys ?? columnsOf(table).map(({ key }) => key)
    for (const row of rows.toSorted((left, right) => compare(left, right, by))) {
      for (const { key, type, index } of columnsOf(table)) {
        const value = row[key] ?? null
        if (value === null) continue
        parts.push(Buffer.of(index + 1), encode(type, value))
      }
      parts.push(Buffer.of(0))
    }
    parts.push(Buffer.of(0))
  }
  return createHash('sha256').update(Buffer.concat(parts)).digest('hex')
}

function compare(
  left: Record<string, unknown>,
  right: Record<string, unknown>,
  by: string[],
): number {
  for (const key of by) {
    const [a, b] = [left[key] ?? null, right[key] ?? null]
    if (a === null || b === null) {
      if (a !== b) return a === null ? -1 : 1
    } else if (typeof a === 'string') {
      const order = Buffer.compare(Buffer.from(a), Buffer.from(b as string))
      if (order !== 0) return order
    } else if (a !== b) return (a as number) < (b as number) ? -1 : 1
  }
  return 0
}

function encode(type: string, value: unknown): Buffer {
  const eight = Buffer.alloc(8)
  if (type === 'int') eight.writeBigInt64LE(BigInt(value as number))
  else if (type === 'id') eight.writeBigUInt64LE(value as bigint)
  else if (type === 'real') eight.writeDoubleLE((value as number) + 0)
  else if (type === 'flag') return Buffer.of(value === true ? 1 : 0)
  else {
    const bytes = Buffer.from(value as string)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  return eight
}

test('the digest follows its definition, for any rows in batches of any size', async () => {
  await fc.assert(
    fc.asyncProperty(ANY_TABLES, fc.integer({ min: 1, max: 20 }), async (tables, batchRows) => {
      expect(await rowDigest(rowsTrace(tables, batchRows))).toBe(digestByDefinition(tables))
    }),
  )
})

test('the order in which blocks are stored does not matter', async () => {
  const [, , , tables] = VECTOR_TRACES
  const block = tables?.block ?? []
  const turned = rowsTrace({ ...tables, block: block.toReversed() })
  expect(await rowDigest(turned)).toBe(await rowDigest(rowsTrace({ ...tables })))
})

test('null and 0, null and an empty text are different', async () => {
  const row = { seq: 0, atUs: 0, endpoint: 'chat' }
  const rows = [row, { ...row, turn: 0 }, { ...row, session: '' }, { ...row, params: '' }]
  const digests = await Promise.all(
    rows.map(async (one) => rowDigest(rowsTrace({ request: [one] }))),
  )
  expect(new Set(digests).size).toBe(4)
})

test('docs/trace-format.md is what `npm run docs` would write', async () => {
  expect(readFileSync('docs/trace-format.md', 'utf8')).toBe(await traceDocument())
})
