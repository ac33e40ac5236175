import { expect, test } from 'vitest'
import { sequenceFor } from '../../src/base/random.ts'
import type { RunControls } from '../../src/replay/run-hooks.ts'
import { LiveResults } from '../../src/replay/live-results.ts'
import { breachHooks, judgeBreach, watchedObjectives } from '../../src/report/breach-watch.ts'
import { parseObjectives } from '../../src/report/objective.ts'

const watch = (...texts: string[]) => watchedObjectives(texts.flatMap(parseObjectives))
const RULES = { planned: 4_000, perTrial: 100, level: 0.01 }

test('only objectives that single requests meet or miss can end a run', () => {
  expect(watch('ttft.p99<2s', 'error_rate<1%', 'itl.p99<50ms').map(({ text }) => text)).toEqual([
    'ttft.p99<2s',
    'error_rate<1%',
  ])
  expect(() => watch('itl.p99<50ms', 'completed>5')).toThrow('single requests')
})

/** Ends the run at the first breach. @returns requests due by then; null if none was found */
function endOf(marks: Float64Array, text = 'ttft.p95<1s'): number | null {
  const [objective] = watch(text)
  for (let due = 20; due <= marks.length; due += 20) {
    if (judgeBreach(objective!, marks.subarray(0, due), { ...RULES, planned: marks.length })) {
      return due
    }
  }
  return null
}

test('a server that answers nothing in time ends the run within seconds', () => {
  // At 20 requests a second a trial of 5 s is 100 requests: three of them suffice.
  expect(endOf(new Float64Array(4_000).fill(1), 'ttft.p99<1s')).toBe(60)
  expect(endOf(new Float64Array(400_000).fill(1), 'ttft.p99<1s')).toBeLessThanOrEqual(400)
})

test('more requests beyond than the whole run may have end it for certain', () => {
  const marks = new Float64Array(4_000)
  for (let row = 0; row < 4_000; row += 4) marks[row] = 1
  // One in four is beyond and 200 of 4,000 may be: the 201st stands at row 800.
  expect(endOf(marks)).toBeLessThanOrEqual(820)
})

test('requests without an answer count as met, and those hung up or unsent not at all', () => {
  const live = new LiveResults(6)
  const bounds = [{ latency: 'ttft' as const, limitUs: 100 }]
  const ok = { outcome: 'ok' as const, stream: true }
  live.add(0, { ...ok, ttftUs: 100 }, bounds)
  live.add(1, { ...ok, ttftUs: 101 }, bounds)
  live.add(2, { outcome: 'http_error' }, bounds)
  live.add(3, { outcome: 'client_abort', stream: true, ttftUs: 500 }, bounds)
  live.add(4, { outcome: 'not_sent' }, bounds)
  expect([...live.beyond(0, 6)]).toEqual([0, 1, 1, 0])
})

/** Runs whose share beyond is just what is allowed; neighbours depend on each other. */
function exactlyAllowed(law: 'independent' | 'AR(1)' | 'queue', run: number): Float64Array {
  const draw = sequenceFor(`breach ${run}`, law)
  const exponential = () => -Math.log(1 - draw())
  const normal = () => Math.sqrt(2 * exponential()) * Math.cos(2 * Math.PI * draw())
  let state = law === 'queue' ? (draw() < 0.1 ? 0 : exponential() / 0.1) : normal()
  return Float64Array.from({ length: 4_000 }, () => {
    if (law === 'independent') return draw() < 0.05 ? 1 : 0
    if (law === 'AR(1)') {
      state = 0.9 * state + Math.sqrt(1 - 0.81) * normal()
      return state > 1.6448536269514722 ? 1 : 0
    }
    const spent = state + exponential()
    state = Math.max(0, spent - exponential() / 0.9)
    return spent > -Math.log(0.05) / 0.1 ? 1 : 0
  })
}

test.each(['independent', 'AR(1)', 'queue'] as const)(
  'of 100 runs that meet their objective in the end none is ended, looking every second: %s',
  (law) => {
    const wrong = Array.from({ length: 100 }, (_, run) => exactlyAllowed(law, run))
      .filter((marks) => marks.reduce((sum, mark) => sum + mark, 0) <= 200)
      .filter((marks) => endOf(marks) !== null)
    expect(wrong).toHaveLength(0)
  },
)

test('a breach stops the run once, with exit code 99 and a note of why', () => {
  const live = new LiveResults(1_000)
  const watched = watch('ttft.p99<1ms')
  const hooks = breachHooks(watched, (line) => said.push(line))
  const said: string[] = []
  const stops: unknown[] = []
  const notes: string[] = []
  const controls = {
    live,
    stop: (code?: number) => stops.push(code),
    note: (kind: string) => notes.push(kind),
  }
  hooks.onBegin!(controls as unknown as RunControls)
  for (let row = 0; row < 400; row += 1) {
    live.add(row, { outcome: 'ok', stream: true, ttftUs: 5_000 }, hooks.bounds!)
    const progress = { planned: 1_000, due: row + 1, sent: row + 1, done: row + 1, inFlight: 0 }
    const none = { hungUp: 0, dropped: 0, cut: 0, errors: 0, lagUs: 0 }
    hooks.onProgress!({ ...progress, ...none, elapsedUs: row * 50_000 })
  }
  expect(stops).toEqual([99])
  expect(notes).toEqual(['breach'])
  expect(said).toHaveLength(1)
})
