/** Whole replays over real sockets and threads, against servers that know what they got. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ABORT_BY_TIME, ABORT_BY_TOKENS } from '../../src/workload/plan.ts'
import { handPlan, type HandRow } from '../support/hand-plan.ts'
import { runReplay } from '../support/replay-run.ts'
import { TruthServer } from '../support/truth-server.ts'

const target = (port: number) => `http://127.0.0.1:${port}`

async function withTruth<T>(port: number, work: (server: TruthServer) => Promise<T>): Promise<T> {
  const server = new TruthServer({ ttftUs: 50_000, gapUs: 5_000 })
  await server.listen(port)
  try {
    return await work(server)
  } finally {
    server.close()
  }
}

test('each request of the plan arrives once, none early, with its tokens and its times', async () => {
  await withTruth(21_501, async (server) => {
    const rows = Array.from({ length: 60 }, (_, at): HandRow => ({
      dueUs: at * 10_000,
      outputTokens: 1 + (at % 20),
      session: at % 7,
    }))
    const run = await runReplay(handPlan(rows), { target: target(21_501), workers: '2' })
    const bySeq = run.rows.toSorted((a, b) => a.seq - b.seq)
    expect(bySeq.map(({ outcome }) => outcome)).toEqual(rows.map(() => 'ok'))
    expect(bySeq.map(({ outputTokens }) => outputTokens)).toEqual(
      rows.map(({ outputTokens }) => outputTokens),
    )
    expect(bySeq.map(({ atUs }) => atUs)).toEqual(rows.map(({ dueUs }) => dueUs))
    expect(bySeq.every(({ lagUs }) => lagUs !== null && lagUs >= 0)).toBe(true)
    const log = server.log.filter(({ id }) => id !== '')
    const arrivals = log.map(
      ({ receivedAtUs, id }) => receivedAtUs - rows[Number(id.split('-')[1])]!.dueUs,
    )
    expect(new Set(log.map(({ id }) => id)).size).toBe(rows.length)
    // The same clock on both sides: who is due at 0 cannot have come before the others' instants.
    expect(Math.min(...arrivals)).toBeGreaterThan(0)
    expect(run.header).toMatchObject({ kind: 'replayed', interrupted: false, seed: '1' })
    const metrics = new Set(run.samples.map(({ metric }) => metric))
    expect(metrics).toContain('trace:client_cpu_share')
  })
})

test('the same text seed sends the same bytes at the same instants, with 1 worker or 8', async () => {
  const sent = async (workers: string, port: number) => {
    const seen = new Map<string, string>()
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (part: Buffer) => (body += part.toString()))
      request.on('end', () => {
        const id = String(request.headers['x-request-id'] ?? '').split('-')[1]
        if (id !== undefined) seen.set(id, body)
        response.setHeader('content-type', 'application/json')
        const isList = request.url === '/v1/models'
        response.end(
          isList ? '{"data":[{"id":"m"}]}' : '{"choices":[{"text":"a","finish_reason":"stop"}]}',
        )
      })
    })
    await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
    const rows = Array.from({ length: 30 }, (_, at): HandRow => ({
      dueUs: at * 1_000,
      promptTokens: 30 + at,
      isStream: false,
      session: at % 11,
    }))
    const run = await runReplay(handPlan(rows), { target: target(port), workers, textSeed: 'x' })
    server.close()
    const bodies = [...seen].toSorted(([a], [b]) => a.localeCompare(b))
    const planned = run.rows
      .toSorted((a, b) => a.seq - b.seq)
      .map(({ seq, atUs, promptTokens, outcome }) => ({ seq, atUs, promptTokens, outcome }))
    return { bodies, planned }
  }
  const one = await sent('1', 21_502)
  expect(one.bodies.length).toBe(30)
  expect(await sent('8', 21_503)).toEqual(one)
})

test('hang-ups leave by time before the first token and by tokens after it', async () => {
  await withTruth(21_504, async (server) => {
    const rows: HandRow[] = [
      { dueUs: 0, outputTokens: 100, flags: ABORT_BY_TIME, abortAt: 20_000 },
      { dueUs: 0, outputTokens: 100, flags: ABORT_BY_TOKENS, abortAt: 4 },
      { dueUs: 0, outputTokens: 3, flags: ABORT_BY_TOKENS, abortAt: 9 },
    ]
    const run = await runReplay(handPlan(rows), { target: target(21_504) })
    const [byTime, byTokens, tooShort] = run.rows.toSorted((a, b) => a.seq - b.seq)
    expect(byTime).toMatchObject({ outcome: 'client_abort', ttftUs: null })
    expect(byTime?.abortUs).toBeGreaterThanOrEqual(20_000)
    expect(byTokens?.outcome).toBe('client_abort')
    expect(byTokens?.outputTokens).toBeGreaterThanOrEqual(4)
    expect(tooShort?.outcome).toBe('ok')
    expect(run.fidelity).toMatchObject({ hungUp: 2, hangUpMissed: 1 })
    await sleep(200)
    expect(server.log.filter(({ wroteAtUs }) => wroteAtUs.length === 100)).toEqual([])
  })
})

test('an interrupted replay keeps what it has, says so, and answers 130', async () => {
  await withTruth(21_505, async (server) => {
    const rows = Array.from({ length: 100 }, (_, at): HandRow => ({
      dueUs: at * 100_000,
      outputTokens: 2,
    }))
    const run = await runReplay(handPlan(rows), { target: target(21_505) }, async (signal) => {
      while (server.log.length < 6) await sleep(20)
      // Pressed twice in a hurry.
      for (let pressed = 0; pressed < 4; pressed += 1) {
        signal('SIGINT')
        await sleep(60)
      }
    })
    expect(run.exitCode).toBe(130)
    expect(run.header.interrupted).toBe(true)
    expect(run.rows.length).toBeGreaterThan(0)
    expect(run.rows.length).toBeLessThan(100)
  })
})

test('a replay that is stopped before its first request sends nothing and leaves no file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trace-early-'))
  await withTruth(21_507, async (server) => {
    const over = new AbortController()
    const wish = { target: target(21_507), out: join(folder, 'run.sqlite') }
    const run = runReplay(handPlan([{ dueUs: 0 }]), wish, async (signal) => {
      while (!over.signal.aborted) {
        signal('SIGINT')
        await sleep(2)
      }
    })
    await expect(run.finally(() => over.abort())).rejects.toMatchObject({
      code: 'INTERRUPTED',
      exitCode: 130,
    })
    expect(server.log.filter(({ id }) => id !== '')).toEqual([])
    expect(readdirSync(folder)).toEqual([])
  })
  rmSync(folder, { recursive: true })
})

test('a pool carries request after request on one connection; a closed loop keeps to its users', async () => {
  const state = { connections: 0, now: 0, most: 0 }
  const server = createServer((request, response) => {
    request.resume()
    const isLoad = request.headers['x-trace-replay'] !== undefined
    response.setHeader('content-type', 'application/json')
    if (!isLoad) {
      response.end('{"data":[{"id":"m"}],"choices":[]}')
      return
    }
    state.now += 1
    state.most = Math.max(state.most, state.now)
    setTimeout(() => {
      state.now -= 1
      response.end('{"choices":[{"text":"a","finish_reason":"stop"}]}')
    }, 20)
  })
  server.on('connection', () => (state.connections += 1))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const rows = Array.from({ length: 40 }, (): HandRow => ({ dueUs: 0, isStream: false }))
  const plan = handPlan(rows, [], { kind: 'closed', concurrency: 3 })
  const run = await runReplay(plan, { target: target(port), connections: 'pool', workers: '2' })
  server.close()
  expect(run.rows.map(({ outcome }) => outcome)).toEqual(rows.map(() => 'ok'))
  expect(state.most).toBe(3)
  expect(state.connections).toBeLessThan(20)
  expect(run.rows.filter(({ connection }) => connection === 'reused').length).toBeGreaterThan(30)
})

test('failed requests are tried again as the policy says, each try a row and a name of its own', async () => {
  const seen: string[] = []
  const server = createServer((request, response) => {
    request.resume()
    const id = String(request.headers['x-request-id'] ?? '')
    if (id !== '') seen.push(id)
    const isRefused = id !== '' && !id.endsWith('-r2')
    response.writeHead(isRefused ? 503 : 200, {
      'content-type': 'application/json',
      ...(id.endsWith('-r1') ? { 'retry-after': '1' } : {}),
    })
    response.end('{"data":[{"id":"m"}],"choices":[{"text":"a","finish_reason":"stop"}]}')
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const retry = '3 backoff 10ms..2s budget 100%'
  const rows = Array.from({ length: 5 }, (_, at): HandRow => ({
    dueUs: at * 50_000,
    isStream: false,
  }))
  const run = await runReplay(handPlan(rows), { target: target(port), retry })
  server.close()
  const tally = run.rows.map(({ attempt, outcome }) => `${attempt} ${outcome}`).toSorted()
  expect(tally).toEqual(
    ['0 http_error', '1 http_error', '2 ok'].flatMap((each) => Array(5).fill(each)),
  )
  expect(new Set(run.rows.map(({ seq }) => seq)).size).toBe(15)
  expect(new Set(seen).size).toBe(15)
  const dueOf = (row: number, attempt: number) =>
    run.rows.find((each) => (each.attemptOf ?? each.seq) === row && each.attempt === attempt)
      ?.atUs ?? Number.NaN
  for (const row of rows.keys()) {
    expect(dueOf(row, 1)).toBeGreaterThanOrEqual(dueOf(row, 0) + 5_000)
    expect(dueOf(row, 2)).toBeGreaterThanOrEqual(dueOf(row, 1) + 1_000_000)
  }
})

test('a target that is down, or no LLM server, is refused before anything is sent or written', async () => {
  await expect(
    runReplay(handPlan([{ dueUs: 0 }]), { target: target(21_599) }),
  ).rejects.toMatchObject({
    code: 'TARGET_DOWN',
    exitCode: 4,
  })
  const server = createServer((_, response) => void response.end('<html>hello</html>'))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await expect(runReplay(handPlan([{ dueUs: 0 }]), { target: target(port) })).rejects.toMatchObject(
    {
      code: 'TARGET_UNFIT',
    },
  )
  server.close()
})

test('an existing result is not replaced unless it is asked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trace-kept-'))
  const out = join(folder, 'kept.sqlite')
  writeFileSync(out, 'mine')
  await expect(
    runReplay(handPlan([{ dueUs: 0 }]), { target: target(21_599), out }),
  ).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' })
  expect(readFileSync(out, 'utf8')).toBe('mine')
  rmSync(folder, { recursive: true })
})
