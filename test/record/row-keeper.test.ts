import { expect, test } from 'vitest'
import { RowKeeper } from '../../src/record/row-keeper.ts'
import type { Recording } from '../../src/trace/segment.ts'

type Written = { seq: number | undefined; parentSeq: number | null | undefined }

/** A keeper whose recording can be taken away, and what each opening of it was given. */
function keeperOver(nextSeqs: readonly number[]) {
  const openings: Written[][] = []
  let isThere = true
  const open = (): Recording => {
    const written: Written[] = []
    const nextSeq = nextSeqs[openings.length] ?? 0
    openings.push(written)
    isThere = true
    const write: Recording['write'] = ({ completed = [] }) =>
      void written.push(...completed.map(({ seq, parentSeq }) => ({ seq, parentSeq })))
    return { nextSeq, write, segmentBytes: 0, close: () => undefined } as unknown as Recording
  }
  const keeper = new RowKeeper({
    nowUs: () => 0,
    openRecording: open,
    isThere: () => isThere,
    rotateBytes: 0,
    rotateUs: 0,
    lateHeader: () => ({}),
    onRotated: () => undefined,
    maxRows: 100,
    maxBytes: 1e6,
    onState: () => undefined,
  })
  const turn = (parentSeq: number | null) => {
    const seq = keeper.takeSeq()
    keeper.complete({ seq, parentSeq })
    return seq
  }
  return { keeper, openings, turn, lose: () => void (isThere = false) }
}

test('a row keeps its number for those that go on from it when the recording has to be opened again', () => {
  const { keeper, openings, turn, lose } = keeperOver([40, 41])
  const first = turn(null)
  keeper.flush()
  lose()
  turn(first)
  keeper.flush()
  keeper.close()
  expect(openings).toEqual([[{ seq: 40, parentSeq: null }], [{ seq: 41, parentSeq: 40 }]])
})

test('rows that others wrote meanwhile are never written over', () => {
  const { keeper, openings, turn, lose } = keeperOver([0, 70])
  turn(null)
  keeper.flush()
  lose()
  turn(null)
  keeper.close()
  expect(openings[1]).toEqual([{ seq: 71, parentSeq: null }])
})
