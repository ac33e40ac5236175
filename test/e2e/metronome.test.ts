/** A real thread wakes another at real instants. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { systemAlarm } from '../../src/replay/alarm.ts'
import { Metronome } from '../../src/replay/metronome.ts'

const LIMIT_MS = 5_000

async function until(isTrue: () => boolean): Promise<void> {
  for (let waited = 0; waited < LIMIT_MS && !isTrue(); waited += 5) await sleep(5)
}

test.each([
  ['a metronome', () => new Metronome()],
  ['timers alone', () => null],
])('an alarm on %s rings once for each instant and never early', async (_, make) => {
  const metronome = make()
  const rings: number[] = []
  const waits = [30_000, 2_000, 700, 100, 0, 12_000, 5_000]
  const state = { dueUs: 0, isEarly: false }
  const alarm = systemAlarm(
    systemClock,
    metronome,
  )(() => {
    state.isEarly ||= systemClock.nowUs() < state.dueUs
    rings.push(state.dueUs)
    next()
  })
  function next(): void {
    const waitUs = waits.shift()
    if (waitUs === undefined) return
    state.dueUs = systemClock.nowUs() + waitUs
    alarm.set(state.dueUs)
  }
  next()
  await until(() => rings.length === 7)
  expect(rings).toHaveLength(7)
  expect(rings).toEqual(rings.toSorted((a, b) => a - b))
  expect(state.isEarly).toBe(false)
  await sleep(20)
  expect(rings).toHaveLength(7)
  metronome?.close()
})

test('an earlier instant takes the place of a later one, and nothing rings after a stop', async () => {
  const metronome = new Metronome()
  const rings: number[] = []
  const alarm = systemAlarm(systemClock, metronome)(() => rings.push(systemClock.nowUs()))
  const fromUs = systemClock.nowUs()
  alarm.set(fromUs + 60_000_000)
  alarm.set(fromUs + 20_000)
  alarm.setAbout(fromUs + 90_000_000)
  await until(() => rings.length === 1)
  expect(rings).toHaveLength(1)
  expect(rings[0]).toBeGreaterThanOrEqual(fromUs + 20_000)
  alarm.set(systemClock.nowUs() + 10_000)
  alarm.stop()
  await sleep(40)
  expect(rings).toHaveLength(1)
  metronome.close()
})
