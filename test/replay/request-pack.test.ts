import fc from 'fast-check'
import { expect, test } from 'vitest'
import { packedCount, packRequests, requestAt } from '../../src/replay/request-pack.ts'

const START_US = 1_700_000_000_000

const request = fc
  .record({
    index: fc.nat(),
    attempt: fc.nat({ max: 9 }),
    sinceStartUs: fc.nat(),
    target: fc.nat({ max: 40 }),
    bodyBytes: fc.nat(),
    isStream: fc.boolean(),
    isReuseWanted: fc.boolean(),
    abortAfterUs: fc.oneof(fc.constant(Number.NaN), fc.nat()),
    abortAfterEvents: fc.nat(),
  })
  .map((some) => ({ ...some, dueUs: some.sinceStartUs + START_US }))

test('a batch of requests comes out as it went in, due from the start of the run', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 50 }), (requests) => {
      const fields = packRequests(requests)
      expect(packedCount(fields)).toBe(requests.length)
      expect(requests.map((_, which) => requestAt(fields, which, START_US))).toEqual(requests)
    }),
  )
})
