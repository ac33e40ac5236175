/** What recording stands on fails: clients get every byte, health and a gap say so, and it goes on by itself. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { BEHIND_US } from '../../src/record/relay-unit.ts'
import { openTrace } from '../../src/trace/open.ts'
import { adminOf } from '../support/admin.ts'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { complete, STREAM, streamServer } from '../support/completions.ts'
import { gapsOf, rowsOf, startRecorder } from '../support/recorder.ts'
import { startSession, type SessionChanges } from '../support/session.ts'
import { freePort, wireClient, wireServer } from '../support/wire.ts'

/** A lock of 10 s was tried with it; one of 2 s outlasts every wait of the writer, too. */
const LOCKED_MS = Number(process.env['TRACE_TEST_LOCKED_MS'] ?? 2_000)
const MB = 1_000_000

const cleanUps = cleanUpsOfEachTest()

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function sessionOn(changes: SessionChanges = {}) {
  const server = await streamServer()
  const started = await startSession(server.port, changes)
  const { session, port, directory } = started
  const { close, ...admin } = await adminOf(session)
  cleanUps.push(server.close, started.remove, close)
  return {
    ...admin,
    port,
    directory,
    status: () => session.status(),
    /** So many requests more are rows on disk. */
    recorded: async (count: number): Promise<void> => {
      while (session.status().counts.recorded < count) await wait(10)
    },
    isSaid: async (status: string): Promise<void> => {
      while ((await admin.health()).status !== status) await wait(10)
    },
    close: async (): Promise<void> => {
      await session.drain(1_000_000)
      await session.close(5_000_000)
    },
  }
}

/** So many requests; each must have got its whole answer. */
async function pass(port: number, from: number, count: number): Promise<void> {
  for (let mark = from; mark < from + count; mark += 1) {
    expect(await complete(wireClient, port, mark)).toBe(STREAM)
  }
}

async function marksOf(directory: string): Promise<(number | null)[]> {
  return (await rowsOf(directory)).map(({ maxTokens }) => maxTokens)
}

async function missingOf(directory: string) {
  const gaps = await gapsOf(directory)
  const count = gaps.reduce((sum, gap) => sum + gap.count, 0)
  return { reasons: [...new Set(gaps.map(({ reason }) => reason))], count }
}

function smallDisk(): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'trace-small-'))
  const options = ['-t', 'tmpfs', '-o', `size=${MB}`, 'tmpfs', folder]
  if (process.platform !== 'linux' || spawnSync('mount', options).status !== 0) return null
  return folder
}

const disk = smallDisk()

test.skipIf(disk === null)(
  'the disk is full: traffic passes, health says degraded, a gap counts, recording goes on (mounts a tmpfs)',
  async () => {
    const folder = disk ?? ''
    cleanUps.push(() => spawnSync('umount', [folder]))
    const directory = join(folder, 'prod')
    const { port, isSaid, recorded, status, close } = await sessionOn({
      directory,
      options: { queueRows: '4' },
    })
    await pass(port, 1, 3)
    await recorded(3)
    const filler = join(folder, 'filler')
    expect(() => writeFileSync(filler, Buffer.alloc(2 * MB))).toThrow('ENOSPC')
    // What SQLite has reserved already may hold a few more.
    let passed = 3
    while (status().degraded === null) {
      passed += 1
      await pass(port, passed, 1)
    }
    await isSaid('degraded')
    expect(status().degraded).toBe(`rows cannot be written to ${directory}: the disk is full`)
    await pass(port, passed + 1, 10)
    while (status().unrecorded === 0) await wait(10)
    rmSync(filler)
    await isSaid('ok')
    await pass(port, 1_000, 3)
    await close()
    const marks = await marksOf(directory)
    const { reasons, count } = await missingOf(directory)
    expect(marks.slice(-3)).toEqual([1_000, 1_001, 1_002])
    expect(reasons).toEqual(['disk'])
    expect(count).toBeGreaterThan(0)
    expect(marks.length + count).toBe(passed + 13)
  },
)

test('another process locks the file: traffic passes, health says degraded, and no row is lost', async () => {
  const { port, directory, isSaid, recorded, close } = await sessionOn()
  await pass(port, 1, 2)
  await recorded(2)
  const path = join(directory, '000001.sqlite')
  const script =
    `const other = new (require('better-sqlite3'))(${JSON.stringify(path)})\n` +
    `other.exec('BEGIN IMMEDIATE'); console.log('locked')\n` +
    `setTimeout(() => other.exec('ROLLBACK'), ${LOCKED_MS})`
  const locker = spawn(process.execPath, ['-e', script])
  const unlocked = new Promise((resolve) => locker.once('exit', resolve))
  await new Promise((resolve) => locker.stdout.once('data', resolve))
  await pass(port, 10, 3)
  await isSaid('degraded')
  await pass(port, 20, 3)
  expect(await unlocked).toBe(0)
  await isSaid('ok')
  await pass(port, 30, 3)
  await close()
  expect(await marksOf(directory)).toEqual([1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32])
  expect((await missingOf(directory)).count).toBe(0)
})

test('the folder is removed: traffic passes, a gap counts its rows, and a new folder is begun', async () => {
  const { port, directory, isSaid, recorded, close } = await sessionOn()
  await pass(port, 1, 3)
  await recorded(3)
  rmSync(directory, { recursive: true })
  writeFileSync(directory, 'a file where the folder should be')
  await pass(port, 10, 3)
  await isSaid('degraded')
  rmSync(directory)
  await isSaid('ok')
  await pass(port, 20, 3)
  await close()
  expect(await marksOf(directory)).toEqual([10, 11, 12, 20, 21, 22])
  expect(await missingOf(directory)).toEqual({ reasons: ['disk'], count: 3 })
})

test('the queue is full: traffic passes, health says degraded for a while, a gap counts', async () => {
  let aheadUs = 0
  const clock: Clock = { ...systemClock, nowUs: () => systemClock.nowUs() + aheadUs }
  const { port, directory, health, isSaid, close } = await sessionOn({
    clock,
    options: { queueBytes: '1KB' },
  })
  await pass(port, 1, 5)
  await isSaid('degraded')
  expect((await health()).degraded).toBe('the observer is slower than traffic')
  aheadUs += BEHIND_US
  await isSaid('ok')
  await close()
  expect(await marksOf(directory)).toEqual([])
  expect(await missingOf(directory)).toEqual({ reasons: ['queue_full'], count: 5 })
})

test('the key cannot be read: traffic passes and is recorded, and the start says what that means', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trace-key-'))
  const keyFile = join(folder, 'loop.key')
  symlinkSync(keyFile, keyFile)
  const server = await streamServer()
  const recorder = await startRecorder(server.port, { keyFile })
  cleanUps.push(() => rmSync(folder, { recursive: true }), server.close, recorder.remove)
  expect(recorder.said.err).toContain(
    `warning: ${keyFile} cannot be read or made: ids of this run match those of no other\n`,
  )
  await pass(recorder.port, 1, 3)
  expect(await recorder.stop()).toBe(0)
  expect(await marksOf(recorder.directory)).toEqual([1, 2, 3])
})

test('the server comes minutes later: until then clients get 502, then all is as if it had been there', async () => {
  const port = await freePort()
  const recorder = await startRecorder(port)
  cleanUps.push(recorder.remove)
  expect(recorder.said.err).toContain(
    'not reachable yet: connection refused; clients get 502 until it is',
  )
  expect(await complete(wireClient, recorder.port, 1)).toMatch(/^HTTP\/1\.1 502 /)
  const facts = new Map([
    ['/version', '{"version":"0.32.0"}'],
    ['/v1/models', '{"data":[{"id":"tiny","owned_by":"vllm"}]}'],
  ])
  const server = await wireServer((socket) => {
    socket.once('data', (bytes: Buffer) => {
      const path = /^GET (\S+)/.exec(bytes.toString('latin1'))?.[1] ?? ''
      const told = facts.get(path)
      const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${told?.length}\r\n\r\n${told}`
      socket.end(told === undefined ? STREAM : answer)
    })
  }, port)
  cleanUps.push(server.close)
  expect(await complete(wireClient, recorder.port, 2)).toBe(STREAM)
  while (!recorder.said.err.includes('(vLLM 0.32.0, tiny)')) await wait(20)
  expect(await recorder.stop()).toBe(0)
  expect(await rowsOf(recorder.directory)).toMatchObject([
    { maxTokens: 1, outcome: 'http_error', status: 502 },
    { maxTokens: 2, outcome: 'ok' },
  ])
  const reader = await openTrace(recorder.directory)
  expect(reader.header.server).toMatchObject({ version: '0.32.0', models: ['tiny'] })
  expect(reader.header.server.addressHash).toMatch(/./)
  await reader.close()
})
