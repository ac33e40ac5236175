/** The observer throws on what it reads: traffic passes, health says so, and recording goes on by itself. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { adminOf } from '../support/admin.ts'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { complete, completionRequest, STREAM, streamServer } from '../support/completions.ts'
import { gapsOf, rowsOf } from '../support/recorder.ts'
import { startSession } from '../support/session.ts'
import { POISON, startThrowingObserver } from '../support/throwing-observer.ts'
import { wireClient } from '../support/wire.ts'

const cleanUps = cleanUpsOfEachTest()

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Two more die as they start, so that the trouble can be seen for a while. */
const STILLBORN = 2

async function startPoisonable() {
  const server = await streamServer()
  const printed: string[] = []
  const started = await startSession(server.port, {
    startObserver(config, nth) {
      const isStillborn = nth > 0 && nth <= STILLBORN
      const observer = startThrowingObserver(config, isStillborn)
      for (const stream of [observer.stdout, observer.stderr]) {
        stream.on('data', (bytes: Buffer) => void printed.push(bytes.toString()))
      }
      return observer
    },
  })
  cleanUps.push(started.remove, server.close)
  return { ...started, printed }
}

/** One request with the words that the observer cannot bear. */
async function poisoned(port: number): Promise<string> {
  const asked = completionRequest(66).replace('Host: h', `Host: h\r\nauthorization: ${POISON}`)
  const socket = await wireClient(port)
  let text = ''
  const whole = Promise.withResolvers<void>()
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
    if (text.length >= STREAM.length) whole.resolve()
  })
  socket.write(asked)
  await whole.promise
  socket.destroy()
  return text
}

test('the observer throws: no byte is missing, health says degraded, a gap counts, recording goes on', async () => {
  const { session, port, directory, observers, said, printed } = await startPoisonable()
  const { health, metrics, close } = await adminOf(session)
  cleanUps.push(close)
  for (const mark of [1, 2, 3]) expect(await complete(wireClient, port, mark)).toBe(STREAM)
  while (session.status().counts.recorded < 3) await wait(20)
  expect(await health()).toMatchObject({ status: 'ok', degraded: null })

  expect(await poisoned(port)).toBe(STREAM)
  while ((await health()).status !== 'degraded') await wait(5)
  expect(await health()).toMatchObject({ status: 'degraded', degraded: 'the observer is down' })
  expect(await metrics()).toMatch(/^trace_record_degraded 1$/m)
  expect(await complete(wireClient, port, 10)).toBe(STREAM)

  while (observers.length < 2 + STILLBORN || (await health()).status !== 'ok') await wait(20)
  while (session.status().counts.recorded < 4) {
    expect(await complete(wireClient, port, 20)).toBe(STREAM)
    await wait(50)
  }
  expect(await metrics()).toMatch(/^trace_record_degraded 0$/m)
  const { unrecorded } = session.status()
  await session.drain(1_000_000)
  await session.close(5_000_000)

  const marks = (await rowsOf(directory)).map(({ maxTokens }) => maxTokens)
  expect(marks).toEqual(expect.arrayContaining([1, 2, 3, 20]))
  expect(marks).not.toContain(66)
  const gaps = await gapsOf(directory)
  const missing = gaps.reduce((sum, { count }) => sum + count, 0)
  expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(['observer_down']))
  // That request, the one behind it, and those that came before the next observer was there.
  expect(missing).toBeGreaterThanOrEqual(2)
  expect(missing).toBeGreaterThanOrEqual(unrecorded)

  // What an exception says may be a client's: nobody repeats it.
  const places = [printed.join(''), said.err, said.out, await metrics()]
  const files = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'latin1'))
  for (const text of [...places, ...files]) expect(text).not.toContain(POISON)
})
