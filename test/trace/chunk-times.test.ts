import { existsSync, readFileSync, readdirSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sequenceFor } from '../../src/base/random.ts'
import { decodeChunkTimes, encodeChunkTimes } from '../../src/trace/chunk-times.ts'

const CAPTURES = '../shared/vllm/captures'

test('any times come back as they were', () => {
  const anyUs = fc.oneof(
    fc.nat({ max: 100_000 }),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  )
  fc.assert(
    fc.property(fc.array(anyUs), (timesUs) => {
      expect([...decodeChunkTimes(encodeChunkTimes(timesUs))]).toEqual(timesUs)
    }),
  )
})

test('the layout is the documented one', () => {
  expect(Buffer.from(encodeChunkTimes([20_000, 40_000, 60_003])).toString('hex')).toBe(
    '80f104c0b80206',
  )
})

test('a day-long pause in the middle of an answer is kept', () => {
  const timesUs = [20_000, 40_000, 86_400_040_000, 86_400_060_000]
  expect([...decodeChunkTimes(encodeChunkTimes(timesUs))]).toEqual(timesUs)
})

test('a chunk every 20 ms ± 5 ms takes at most two bytes', () => {
  const draw = sequenceFor('1', 'chunks')
  let atUs = 80_000
  const timesUs = Array.from({ length: 1_000 }, () => {
    atUs += Math.round(20_000 + (2 * draw() - 1) * 5_000)
    return atUs
  })
  expect(encodeChunkTimes(timesUs).length / timesUs.length).toBeLessThanOrEqual(2)
})

test.skipIf(!existsSync(CAPTURES))(
  'the streams captured from vLLM take at most two bytes a chunk (needs ../shared)',
  () => {
    let byteCount = 0
    let chunkCount = 0
    for (const name of readdirSync(CAPTURES).filter((file) => file.endsWith('.times.jsonl'))) {
      const lines = readFileSync(`${CAPTURES}/${name}`, 'utf8').trim().split('\n')
      const timesUs = lines.map((line) =>
        Math.round((JSON.parse(line) as { t_ns: number }).t_ns / 1_000),
      )
      const packed = encodeChunkTimes(timesUs)
      expect([...decodeChunkTimes(packed)]).toEqual(timesUs)
      byteCount += packed.length
      chunkCount += timesUs.length
    }
    expect(chunkCount).toBeGreaterThan(1_000)
    expect(byteCount / chunkCount).toBeLessThanOrEqual(2)
  },
)

test('a list that is cut off or damaged is refused, or gives numbers', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const read = () => decodeChunkTimes(bytes).every(Number.isSafeInteger)
      expect(outcomeOf(read)).toSatisfy((seen) => seen === true || seen === 'TRACE_UNREADABLE')
    }),
  )
})

function outcomeOf(read: () => boolean): unknown {
  try {
    return read()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}
