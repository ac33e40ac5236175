/** The one line of a terminal that is written over, and what is said beside it. */
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { LiveLine } from '../../src/record/live-line.ts'
import type { RecordSession } from '../../src/record/record-session.ts'
import { quietControl } from '../support/record-control.ts'
import { testWorld } from '../support/test-world.ts'

test('what is said while the live line stands begins where it stood, never behind it', async () => {
  const said: string[] = []
  const stderr = { write: (text: string) => said.push(text) > 0, isTTY: true, columns: 200 }
  const { world } = testWorld({ stderr })
  const live = new LiveLine(quietControl() as unknown as RecordSession, world)
  live.say('before\n')
  expect(said).toEqual(['before\n'])
  const stopping = new AbortController()
  const living = live.run(stopping.signal)
  while (said.length < 2) await wait(20)
  expect(said.at(-1)).toContain(' req/s ')
  live.say('draining\n')
  expect(said.slice(-2)).toEqual(['\r\u001B[J', 'draining\n'])
  stopping.abort()
  await living
  live.clear()
  expect(said.at(-1)).toBe('draining\n')
})
