import { expect, test } from 'vitest'
import { Slices } from '../../src/record/slices.ts'

/** Works through so many pieces of 10 µs. @returns naps taken */
function work(pieces: number, waitedUs: number): number {
  let nowUs = 1_000_000
  let naps = 0
  const slices = new Slices({
    nowUs: () => nowUs,
    nap: (forUs) => {
      naps += 1
      nowUs += forUs
    },
  })
  slices.begin(nowUs - waitedUs)
  for (let piece = 0; piece < pieces; piece += 1) {
    nowUs += 10
    slices.step()
  }
  return naps
}

test('long work pauses again and again, short work never', () => {
  expect(work(10, 0)).toBe(0)
  expect(work(1_000, 0)).toBeGreaterThan(30)
})

test('work that has waited for long is done without pauses', () => {
  expect(work(1_000, 1_000_000)).toBe(0)
})
