/** Whole replays with someone watching, over real sockets and threads. */
import { expect, test } from 'vitest'
import { breachHooks, watchedObjectives } from '../../src/report/breach-watch.ts'
import { parseObjectives } from '../../src/report/objective.ts'
import { probeHooks } from '../../src/study/probe.ts'
import { handPlan } from '../support/hand-plan.ts'
import { runReplay } from '../support/replay-run.ts'
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
