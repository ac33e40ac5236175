import { expect, test } from 'vitest'
import { sequenceFor } from '../../src/base/random.ts'
import { changePoints, studentP } from '../../src/stats/change-point.ts'

const draw = sequenceFor('1', 'change point test')
const noisy = (level: number, count: number) =>
  Array.from({ length: count }, () => level * (1 + 0.02 * (draw() - 0.5)))

test('a step up and a step down are both found where they are', () => {
  const found = changePoints([...noisy(100, 20), ...noisy(110, 15), ...noisy(100, 12)])
  expect(found.map(({ index }) => index)).toEqual([20, 35])
  expect(found[0]!.after / found[0]!.before).toBeCloseTo(1.1, 1)
})

test('noise alone has no change point', () => {
  expect(changePoints(noisy(100, 60))).toEqual([])
})

test('a change smaller than asked for is left out', () => {
  expect(changePoints([...noisy(100, 20), ...noisy(110, 20)], 0.001, 0.2)).toEqual([])
})

test('the t-test meets a tabulated value', () => {
  expect(studentP([1, 2, 3, 4, 5], [4, 5, 6, 7, 8])).toBeCloseTo(0.01707, 4)
  expect(studentP([1, 1, 1], [1, 1, 1])).toBe(1)
  expect(studentP([1, 1, 1], [2, 2, 2])).toBe(0)
})
