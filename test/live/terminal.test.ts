import { expect, test } from 'vitest'
import { LiveHistory, terminalView } from '../../src/live/terminal.ts'
import type { Progress } from '../../src/replay/progress.ts'

const at = (second: number, change: Partial<Progress> = {}): Progress => ({
  planned: 100,
  due: second,
  sent: second,
  inFlight: second % 5,
  hungUp: 0,
  dropped: 0,
  cut: 0,
  errors: 0,
  lagUs: 200,
  done: second,
  elapsedUs: second * 1_000_000,
  ...change,
})

test('one point a second is kept, with the rates since the one before', () => {
  const history = new LiveHistory()
  history.add(at(0))
  expect(history.add(at(0.5))).toBeNull()
  expect(history.add(at(2, { sent: 30, done: 10, errors: 3 }))).toEqual({
    elapsedUs: 2_000_000,
    inFlight: 2,
    sentPerSec: 15,
    donePerSec: 5,
    errors: 3,
    lagUs: 200,
  })
})

test('ten minutes are kept, not more', () => {
  const history = new LiveHistory()
  for (let second = 0; second < 700; second += 1) history.add(at(second))
  expect(history.points).toHaveLength(600)
})

test('the view fits the terminal, however narrow', () => {
  const history = new LiveHistory()
  for (let second = 0; second < 80; second += 1) history.add(at(second))
  for (const columns of [40, 80, 200]) {
    const lines = terminalView(at(80), history.points, columns).split('\n')
    expect(lines).toHaveLength(5)
    expect(lines.filter((line) => line.length > columns)).toEqual([])
  }
  expect(terminalView(at(80), history.points, 100)).toMatch(/in flight {3}[▁-█]+ +4/)
})
