import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allocateColumns } from '../../src/workload/plan-columns.ts'
import { NONE, type PlanColumns } from '../../src/workload/plan.ts'
import { putInSendingOrder, sendingOrder } from '../../src/workload/sending-order.ts'
import { keepSessionOrder } from '../../src/workload/session-order.ts'

type Row = { dueUs: number; seq?: number; copy?: number; session?: number; parent?: number }

function columnsOf(rows: readonly Row[]): PlanColumns {
  const columns = allocateColumns(rows.length)
  for (const [at, row] of rows.entries()) {
    columns.dueUs[at] = row.dueUs
    columns.seq[at] = row.seq ?? at
    columns.copy[at] = row.copy ?? 0
    columns.session[at] = row.session ?? NONE
    columns.parent[at] = row.parent ?? NONE
  }
  return columns
}

test('a turn that was moved before the turn before it waits for it', () => {
  const columns = columnsOf([
    { dueUs: 50, session: 0 },
    { dueUs: 10 },
    { dueUs: 20, session: 0 },
    { dueUs: 5, parent: 1 },
  ])
  expect([...keepSessionOrder(columns, 1)]).toEqual([50, 10, 50, 10])
})

test('an equal instant is enough only if sending order says the same', () => {
  const columns = columnsOf([
    { dueUs: 50, seq: 9, session: 0 },
    { dueUs: 20, seq: 3, session: 0 },
  ])
  expect([...keepSessionOrder(columns, 1)]).toEqual([50, 51])
})

test('what is in order stays the same array', () => {
  const columns = columnsOf([
    { dueUs: 1, session: 0 },
    { dueUs: 1, session: 0 },
  ])
  expect(keepSessionOrder(columns, 1)).toBe(columns.dueUs)
})

const rows = fc.array(
  fc.record({
    dueUs: fc.oneof(fc.nat(30), fc.nat(2 ** 45)),
    seq: fc.oneof(fc.nat(5), fc.nat(2 ** 31)),
    copy: fc.nat(3),
    session: fc.constantFrom(0, 1, NONE),
  }),
  { maxLength: 60 },
)

test('sending order is ascending by instant, seq, copy', () => {
  fc.assert(
    fc.property(rows, (list) => {
      const expected = [...list.entries()]
        .toSorted(
          ([i, a], [j, b]) => a.dueUs - b.dueUs || a.seq - b.seq || a.copy - b.copy || i - j,
        )
        .map(([index]) => index)
      expect([...sendingOrder(columnsOf(list))]).toEqual(expected)
    }),
  )
})

test('after repair and sorting, a session is sent in the order in which it was recorded', () => {
  fc.assert(
    fc.property(rows, (list) => {
      const columns = columnsOf(list.map((row, at) => ({ ...row, seq: at })))
      const repaired = { ...columns, dueUs: keepSessionOrder(columns, 2) }
      putInSendingOrder(repaired)
      for (const session of [0, 1]) {
        const seqs = [...repaired.seq].filter((_, row) => repaired.session[row] === session)
        expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
      }
    }),
  )
})
