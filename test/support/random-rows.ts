/** Any rows that a trace can hold, for laws that must hold for all of them. */
import fc from 'fast-check'
import type { ColumnType, RequestRow } from '../../src/trace/columns.ts'
import { columnsOf, type ColumnEntry } from '../../src/trace/table.ts'
import type { TableRows } from './rows-trace.ts'

const ANY_INT = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(4_294_967_295, 4_294_967_296, -4_294_967_297, -0),
)

const VALUES: Readonly<Record<ColumnType, fc.Arbitrary<unknown>>> = {
  int: ANY_INT,
  real: fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(-0, Infinity, -Infinity, 5e-324)),
  flag: fc.boolean(),
  id: fc.bigInt({ min: 1n, max: 0xffff_ffff_ffff_ffffn }),
  text: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('', 'ok', '\u0000', 'a\u0000b', '\ud800', '€😀'),
  ),
  json: fc.json({ maxDepth: 2 }),
  bytes: fc.uint8Array({ maxLength: 40 }),
}

function anyRow(columns: readonly ColumnEntry[]): fc.Arbitrary<Record<string, unknown>> {
  const members = columns.map(({ key, type, nullable }) => {
    return [key, nullable ? fc.option(VALUES[type], { nil: null }) : VALUES[type]] as const
  })
  return fc.record(Object.fromEntries(members))
}

/** Each seq once, ids of blocks once and parents first, times any. */
export const ANY_TABLES: fc.Arbitrary<TableRows> = fc
  .record({
    request: fc.array(anyRow(columnsOf('request')), { maxLength: 12 }),
    isTimely: fc.boolean(),
    blockIds: fc.uniqueArray(VALUES.id as fc.Arbitrary<bigint>, { maxLength: 6 }),
    parentPicks: fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
    tokens: fc.option(fc.integer({ min: 0, max: 99 }), { nil: null }),
    event: fc.array(anyRow(columnsOf('event')), { maxLength: 4 }),
    gap: fc.array(anyRow(columnsOf('gap')), { maxLength: 4 }),
    sample: fc.array(anyRow(columnsOf('sample')), { maxLength: 6 }),
  })
  .map(({ request, isTimely, blockIds, parentPicks, tokens, event, gap, sample }) => ({
    request: request.map((row, index) => ({
      ...row,
      seq: index * 3,
      ...(isTimely ? { atUs: index * 1_000 } : {}),
    })) as Partial<RequestRow>[],
    block: blockIds.map((id, index) => {
      const pick = (parentPicks[index] ?? 0) % (index + 1)
      return { id, parent: pick === index ? null : (blockIds[pick] ?? null), tokens }
    }),
    event: event as never,
    gap: gap as never,
    sample: sample as never,
  }))
