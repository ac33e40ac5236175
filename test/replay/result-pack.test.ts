import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FAULTS, type FlightResult } from '../../src/replay/flight-result.ts'
import { ResultPacker, unpackResults } from '../../src/replay/result-pack.ts'
import type { AnswerCapture } from '../../src/stream/observation.ts'

const timeUs = fc.oneof(fc.nat(), fc.constant(Number.NaN))

const capture: fc.Arbitrary<AnswerCapture> = fc.record({
  status: fc.nat({ max: 599 }),
  contentType: fc.constantFrom('text/event-stream', 'application/json', ''),
  contentEncoding: fc.constantFrom('', 'gzip'),
  retryAfter: fc.constantFrom('', '3'),
  headersAtUs: fc.nat(),
  body: fc.uint8Array({ maxLength: 300 }),
  bodyBytes: fc.nat(),
  isEvents: fc.boolean(),
  isCut: fc.boolean(),
  endAtUs: fc.nat(),
  end: fc.constantFrom('complete', 'fin', 'reset', 'hangup', 'timeout'),
})

const result: fc.Arbitrary<FlightResult> = fc.record({
  index: fc.nat(),
  attempt: fc.nat({ max: 3 }),
  isFinal: fc.boolean(),
  dueUs: fc.nat(),
  connectUs: timeUs,
  writtenAtUs: timeUs,
  sentAtUs: timeUs,
  requestBytes: fc.nat(),
  connection: fc.constantFrom('new', 'reused', 'race'),
  abortAtUs: timeUs,
  endedAtUs: fc.nat(),
  fault: fc.constantFrom(...FAULTS),
  capture: fc.oneof(fc.constant(null), capture),
})

test('what a sending thread packs is what the reading thread unpacks, batch after batch', () => {
  const packer = new ResultPacker()
  fc.assert(
    fc.property(fc.array(result, { maxLength: 90 }), (results) => {
      for (const each of results) packer.add(each)
      expect(packer.count).toBe(results.length)
      const packed = packer.take()
      expect(packer.count).toBe(0)
      expect(unpackResults(packed)).toEqual(results)
    }),
    { numRuns: 40 },
  )
})
