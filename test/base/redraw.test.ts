import { expect, test } from 'vitest'
import { redraw } from '../../src/base/redraw.ts'

test('the first lines are written where the cursor is', () => {
  expect(redraw([], ['a', 'b'], 80)).toBe('\ra\u001B[K\nb\u001B[K\u001B[J')
})

test('later ones go over them, and what they no longer need is cleared', () => {
  expect(redraw(['a', 'b', 'c'], ['d'], 80)).toBe('\u001B[2A\rd\u001B[K\u001B[J')
})

test('a terminal that was made narrower has broken its lines: the cursor goes up over all of them', () => {
  expect(redraw(['x'.repeat(100), ''], ['y'], 40)).toBe('\u001B[3A\ry\u001B[K\u001B[J')
})
