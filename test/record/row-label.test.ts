import { expect, test } from 'vitest'
import { labelOf } from '../../src/record/row-label.ts'
import type { Exchange } from '../../src/record/exchange.ts'

const seen = (headers: Record<string, string>) =>
  ({ headers: new Map(Object.entries(headers)) }) as unknown as Exchange

test("a replay's request says which row it replays; nobody else's id is read", () => {
  const replay = (id: string) =>
    labelOf(seen({ 'x-trace-replay': 'run', 'x-request-id': id }), false)
  expect(replay('run-17')).toEqual({ label: 'replay', sourceSeq: 17, copy: 0 })
  expect(replay('run-17-c2')).toEqual({ label: 'replay', sourceSeq: 17, copy: 2 })
  expect(replay('run-17-c2-r1')).toEqual({ label: 'replay', sourceSeq: 17, copy: 2 })
  expect(replay('something else')).toEqual({ label: 'replay' })
  expect(labelOf(seen({ 'x-request-id': 'run-17' }), false)).toEqual({})
  expect(labelOf(seen({}), true)).toEqual({ label: 'cut' })
})
