/** Whatever fails in the recorder, clients see the same bytes, and the trace says what is missing. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { complete, STREAM, streamServer } from '../support/completions.ts'
import { gapsOf, rowsOf, startRecorder, type Recorder } from '../support/recorder.ts'
import { startSession } from '../support/session.ts'
import { wireClient } from '../support/wire.ts'

const cleanUps = cleanUpsOfEachTest()

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function recorderOn(
  changes: Parameters<typeof startRecorder>[1] = {},
  directory?: string,
): Promise<Recorder> {
  const server = await streamServer()
  const recorder = await startRecorder(server.port, changes, directory)
  cleanUps.push(server.close, recorder.remove, recorder.stop)
  return recorder
}

/** Its observer has begun a segment: the first, unless that was rotated away meanwhile. */
async function begun({ directory }: Recorder): Promise<void> {
  const isBegun = () =>
    existsSync(directory) && readdirSync(directory).some((name) => name.endsWith('.sqlite'))
  while (!isBegun()) await wait(20)
}

/** So many requests; each must have got its whole answer. */
async function pass({ port }: { port: number }, from: number, count: number): Promise<void> {
  for (let index = from; index < from + count; index += 1) {
    expect(await complete(wireClient, port, index)).toBe(STREAM)
  }
}

async function maxTokensOf(directory: string): Promise<(number | null)[]> {
  return (await rowsOf(directory)).map(({ maxTokens }) => maxTokens)
}

test('the folder cannot be made at the start: traffic passes, and recording begins later', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'trace-blocked-'))
  cleanUps.push(() => rmSync(parent, { recursive: true, force: true }))
  const blocked = join(parent, 'traces')
  const directory = join(blocked, 'prod')
  symlinkSync(join(parent, 'a disk that is not mounted yet'), blocked)
  const recorder = await recorderOn({}, directory)
  await pass(recorder, 1, 2)
  rmSync(blocked)
  await wait(1_500)
  await pass(recorder, 10, 2)
  await recorder.stop()
  expect(await maxTokensOf(directory)).toEqual([1, 2, 10, 11])
})

test('nothing can be recorded to the end: that is said with folder and reason, and the exit code is 1', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'trace-blocked-'))
  cleanUps.push(() => rmSync(parent, { recursive: true, force: true }))
  symlinkSync(join(parent, 'a disk that is not mounted yet'), join(parent, 'traces'))
  const directory = join(parent, 'traces', 'prod')
  const recorder = await recorderOn({}, directory)
  await pass(recorder, 1, 2)
  expect(await recorder.stop()).toBe(1)
  expect(recorder.said.out).toMatch(
    /\nnothing was recorded of 2 requests that passed: rows cannot be written to .*\/traces\/prod: .+\n$/,
  )
})

test('--out below a file is refused before anything listens', async () => {
  await expect(startRecorder(1, {}, 'README.md/prod/')).rejects.toMatchObject({
    code: 'BAD_OPTION',
    message: '--out README.md/prod/ cannot be made: README.md is a file',
  })
})

test('a certificate that is not there ends the start before a key is made', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'trace-cert-'))
  cleanUps.push(() => rmSync(parent, { recursive: true, force: true }))
  const tls = { tlsCert: join(parent, 'nope.pem'), tlsKey: join(parent, 'nope.key') }
  await expect(startRecorder(1, tls, join(parent, 'prod'))).rejects.toThrow('--tls-cert')
  expect(readdirSync(parent)).toEqual([])
})

test('--out that names a file is refused before anything listens, and the file stays', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'trace-file-'))
  cleanUps.push(() => rmSync(parent, { recursive: true, force: true }))
  const path = join(parent, 'code.arrow')
  writeFileSync(path, 'rows of somebody')
  await expect(startRecorder(1, {}, path)).rejects.toMatchObject({
    code: 'BAD_OPTION',
    exitCode: 2,
    message: `--out ${path} is a file, and a recording is a folder`,
  })
  expect(readFileSync(path, 'utf8')).toBe('rows of somebody')
  expect(readdirSync(parent)).toEqual(['code.arrow'])
})

/** Six requests that pass while somebody else holds the file; what the recording tells of them. */
async function sixWhileLocked(recorder: Recorder) {
  await begun(recorder)
  const other = new Database(join(recorder.directory, '000001.sqlite'))
  other.exec('BEGIN IMMEDIATE')
  await pass(recorder, 1, 6)
  await wait(300)
  other.exec('ROLLBACK')
  other.close()
  await recorder.stop()
  return { rows: await rowsOf(recorder.directory), gaps: await gapsOf(recorder.directory) }
}

test('no room for rows: traffic passes, and a gap says how many are missing', async () => {
  const recorder = await recorderOn({ queueRows: '2' })
  const { rows, gaps } = await sixWhileLocked(recorder)
  const missing = gaps.reduce((sum, { count }) => sum + count, 0)
  expect(rows.length + missing).toBe(6)
})

test('--queue-row-bytes: no room for rows and their blocks, and a gap says how many are missing', async () => {
  const recorder = await recorderOn({ queueRowBytes: '4KB' })
  const { rows, gaps } = await sixWhileLocked(recorder)
  expect(gaps.map(({ reason }) => reason)).toEqual(['disk'])
  expect(gaps[0]?.count).toBeGreaterThan(0)
  expect(rows.length + (gaps[0]?.count ?? 0)).toBe(6)
})

test('SIGUSR2 switches recording off and on; the gap says paused', async () => {
  const recorder = await recorderOn()
  await begun(recorder)
  await pass(recorder, 1, 2)
  // A client has its answer a moment before the relay has seen the connection end.
  await wait(100)
  recorder.signal('SIGUSR2')
  await pass(recorder, 10, 3)
  await wait(100)
  recorder.signal('SIGUSR2')
  await pass(recorder, 20, 2)
  await recorder.stop()
  expect(await maxTokensOf(recorder.directory)).toEqual([1, 2, 20, 21])
  const gaps = await gapsOf(recorder.directory)
  expect(new Set(gaps.map(({ reason }) => reason))).toEqual(new Set(['paused']))
  expect(gaps.reduce((sum, { count }) => sum + count, 0)).toBe(3)
})

test('with --require-recording what cannot be recorded is refused', async () => {
  const recorder = await recorderOn({ requireRecording: true })
  await pass(recorder, 1, 1)
  recorder.signal('SIGUSR2')
  await expect(complete(wireClient, recorder.port, 2)).rejects.toThrow('ECONNRESET')
  recorder.signal('SIGUSR2')
  await pass(recorder, 3, 1)
})

test('the observer is killed in the middle of streams: no byte is missing, and a new one starts', async () => {
  const server = await streamServer(150)
  const { session, port, directory, observers, remove } = await startSession(server.port)
  cleanUps.push(remove, server.close)
  const under = async (from: number) =>
    Promise.all(
      Array.from({ length: 5 }, async (_u, index) => complete(wireClient, port, from + index)),
    )

  expect(await under(1)).toEqual(Array.from({ length: 5 }, () => STREAM))
  while (session.status().counts.recorded < 5) await wait(20)
  const running = under(10)
  await wait(70)
  await observers[0]?.terminate()
  expect(session.status().degraded).toContain('observer')
  expect(await running).toEqual(Array.from({ length: 5 }, () => STREAM))
  while (session.status().degraded !== null) await wait(50)
  expect(await under(20)).toEqual(Array.from({ length: 5 }, () => STREAM))
  await session.drain(1_000_000)
  await session.close(5_000_000)
  expect(observers.length).toBe(2)
  const rows = await rowsOf(directory)
  const whole = rows.filter(({ outcome }) => outcome === 'ok').map(({ maxTokens }) => maxTokens)
  expect(whole).toEqual(expect.arrayContaining([1, 2, 3, 4, 5, 20, 21, 22, 23, 24]))
  const gaps = await gapsOf(directory)
  const missing = gaps.reduce((sum, { count }) => sum + count, 0)
  expect(missing).toBeGreaterThanOrEqual(5)
  expect(gaps.every(({ reason }) => reason === 'observer_down')).toBe(true)
})

test('segments rotate by age and the oldest are deleted; rows under way move along', async () => {
  const recorder = await recorderOn({ rotateAge: '250ms', keepSegments: '2' })
  await begun(recorder)
  await pass(recorder, 1, 4)
  await wait(800)
  await pass(recorder, 100, 4)
  await wait(800)
  await pass(recorder, 200, 20)
  await recorder.stop()
  expect(existsSync(join(recorder.directory, '000001.sqlite'))).toBe(false)
  const kept = await maxTokensOf(recorder.directory)
  expect(kept.at(-1)).toBe(219)
})
