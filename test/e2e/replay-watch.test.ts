/** Whole replays with someone watching, over real sockets and threads. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { parseReplayOptions, type RawReplayOptions } from '../../src/replay/options.ts'
import { breachHooks, watchedObjectives } from '../../src/report/breach-watch.ts'
import { parseObjectives } from '../../src/report/objective.ts'
import { watchedReplay, type WatchedEnd } from '../../src/study/watched-replay.ts'
import { probeHooks } from '../../src/study/probe.ts'
import { addressHash } from '../../src/trace/address-hash.ts'
import type { Plan } from '../../src/workload/plan.ts'
import { handPlan } from '../support/hand-plan.ts'
import { replayDefaults, runReplay } from '../support/replay-run.ts'
import { testWorld } from '../support/test-world.ts'
import { TruthServer } from '../support/truth-server.ts'

async function withTruth<T>(port: number, work: (url: string) => Promise<T>): Promise<T> {
  const server = new TruthServer({ ttftUs: 50_000, gapUs: 5_000 })
  await server.listen(port)
  try {
    return await work(`http://127.0.0.1:${port}`)
  } finally {
    server.close()
  }
}

const paced = (count: number) =>
  handPlan(Array.from({ length: count }, (_, at) => ({ dueUs: at * 20_000, outputTokens: 3 })))

test('a run whose objective is missed by every request ends early, says why and keeps its rows', async () => {
  await withTruth(26_001, async (target) => {
    const said: string[] = []
    const watched = watchedObjectives(parseObjectives('ttft.p50<10ms'))
    const hooks = breachHooks(watched, (line) => said.push(line))
    const run = await runReplay(paced(400), { target }, () => undefined, hooks)
    expect(run.exitCode).toBe(99)
    expect(said[0]).toMatch(/^ends here: breach of ttft\.p50<10ms at /)
    expect(run.rows.length).toBeGreaterThan(200)
    expect(run.rows.length).toBeLessThan(400)
    expect(run.header.interrupted).toBe(true)
    const breach = run.events.find(({ kind }) => kind === 'breach')
    expect(JSON.parse(breach!.detail!)).toMatchObject({ rule: 'budget', allowed_share: 0.5 })
  })
})

test('a run that meets its objective is left alone', async () => {
  await withTruth(26_002, async (target) => {
    const hooks = breachHooks(watchedObjectives(parseObjectives('ttft.p50<5s')), () => undefined)
    const run = await runReplay(paced(100), { target }, () => undefined, hooks)
    expect(run).toMatchObject({ exitCode: 0 })
    expect(run.rows).toHaveLength(100)
  })
})

test('a prober asks on its own beside the load, and sees what the load sees', async () => {
  await withTruth(26_003, async (target) => {
    const plan = paced(100)
    const run = await runReplay(plan, { target }, () => undefined, probeHooks(plan, 5))
    const of = (name: string) =>
      run.samples.filter(({ metric }) => metric === `trace:probe_${name}`)
    expect(run.rows).toHaveLength(100)
    expect(of('sent').length).toBeGreaterThanOrEqual(9)
    expect(of('ttft_us')).toHaveLength(of('sent').length)
    // The server answers after 50 ms, whoever asks.
    expect(Math.min(...of('ttft_us').map(({ value }) => value))).toBeGreaterThanOrEqual(50_000)
    expect(of('sent').map(({ atUs }) => atUs % 200_000)).toEqual(of('sent').map(() => 0))
  })
})

/** A calibration to `target`, into a folder of its own. */
async function calibrated<T>(
  plan: Plan,
  wish: Partial<RawReplayOptions>,
  look: (folder: string, end: WatchedEnd) => T,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'trace-calibrate-'))
  const raw = { ...replayDefaults, out: join(folder, 'run.sqlite'), ...wish }
  const { world } = testWorld({ clock: systemClock, env: process.env })
  const watching = { watched: [], isTraced: false, isCalibrating: true, probesPerSec: null }
  try {
    const options = parseReplayOptions(raw as unknown as RawReplayOptions)
    return look(folder, await watchedReplay(plan, options, watching, world, {}))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('a calibration sends the load through a recorder, and says what the place of measuring costs', async () => {
  await withTruth(26_004, async (target) => {
    await calibrated(paced(120), { target: [target] }, (folder, end) => {
      expect(end).toMatchObject({ exitCode: 0, calibration: { pairs: 120 } })
      const written = JSON.parse(readFileSync(join(folder, 'run.calibration.json'), 'utf8'))
      expect(written).toEqual(end.calibration)
      // The client is further away than the relay, and both are on this machine.
      expect(written.place.ttft_due.p50.shift_us).toBeGreaterThan(0)
      expect(written.place.ttft_due.p50.shift_us).toBeLessThan(50_000)
    })
  })
})

test("a calibration's recorder trusts whom the replay would, and the recorded server stays refused behind it", async () => {
  const fixture = (name: string) => new URL(`../../fixtures/tls/${name}`, import.meta.url).pathname
  await withTruth(26_005, async () => {
    const files = { key: fixture('server.key'), cert: fixture('server.pem') }
    const front = createServer(
      { key: readFileSync(files.key), cert: readFileSync(files.cert) },
      (socket) => {
        const onward = connect(26_005, '127.0.0.1')
        for (const each of [socket, onward]) each.on('error', () => undefined)
        socket.pipe(onward).pipe(socket)
      },
    )
    await new Promise<void>((done) => front.listen(0, '127.0.0.1', done))
    const { port } = front.address() as AddressInfo
    const wish = { target: [`https://127.0.0.1:${port}`], tlsCa: fixture('authority.pem') }
    await calibrated(paced(20), wish, (_folder, { calibration }) => {
      expect(calibration).toMatchObject({ pairs: 20 })
    })
    const plan = handPlan([{ dueUs: 0, model: 'truth' }])
    const own = { addressHash: addressHash('s', '127.0.0.1', port), addressSalt: 's' }
    const recorded = { ...plan, source: { ...plan.source, ...own } }
    await expect(calibrated(recorded, wish, () => undefined)).rejects.toMatchObject({
      code: 'TARGET_UNFIT',
    })
    front.close()
  })
})

test('a prober whose run fails keeps no process alive', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trace-probe-'))
  const path = join(folder, 'run.ts')
  const probe = new URL('../../src/study/probe.ts', import.meta.url).href
  writeFileSync(
    path,
    `import { probeHooks } from ${JSON.stringify(probe)}
    const columns = { promptTokens: Int32Array.of(10), shape: Int32Array.of(0) }
    const hooks = probeHooks({ columns, shapes: [{ endpoint: 'completions' }], count: 1 }, 5)
    const target = { basePath: '', dialect: {}, model: 'm', vocabulary: { words: [' a'] } }
    const url = new URL('http://127.0.0.1:1')
    hooks.onBegin({ probe: { url, target, http: {}, startUs: 1e18 } })
    console.log('the run fails here')`,
  )
  const child = spawnSync(process.execPath, [path], { timeout: 20_000, encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  expect(child).toMatchObject({ status: 0, stdout: 'the run fails here\n' })
})
