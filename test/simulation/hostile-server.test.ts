import { expect, test } from 'vitest'
import type { FlightResult } from '../../src/replay/flight-result.ts'
import { outcomeRow } from '../../src/replay/outcome-row.ts'
import { interpret } from '../../src/stream/interpret.ts'
import { handPlan } from '../support/hand-plan.ts'
import { hostileServer, MISFORTUNES } from '../support/hostile-wires.ts'
import { runSender } from '../support/sender-run.ts'

const REQUESTS = 400

async function replayAgainst(seed: string) {
  const started: { server: ReturnType<typeof hostileServer> | null } = { server: null }
  const requests = Array.from({ length: REQUESTS }, (_, index) => ({
    dueUs: 1_000_000 + index * 10_000,
  }))
  const { results, counters } = await runSender(requests, (clock) => {
    started.server = hostileServer(clock, seed)
    return started.server.openWire
  })
  return { server: started.server!, results, counters }
}

function rowOf(result: FlightResult) {
  const plan = handPlan(Array.from({ length: REQUESTS }, (_, at) => ({ dueUs: at })))
  const context = {
    plan,
    shard: null,
    startUs: 0,
    models: [''],
    targetNames: [''],
    depths: new Uint32Array(0),
  }
  const seen =
    result.capture === null
      ? null
      : interpret(result.capture, { endpoint: 'completions', isStream: true, keepAnswer: false })
  return outcomeRow(context, result, seen)
}

test.each(['1', '2', '3', '4', '5'])(
  'every misfortune of hostile server %s is told as what it was',
  async (seed) => {
    const { server, results } = await replayAgainst(seed)
    // Connections are opened in sending order, one a request.
    const told = results.map((result) => [server.met[result.index], rowOf(result).outcome])
    const wrong = told.filter(([misfortune]) => misfortune === undefined)
    expect(wrong).toEqual([])
    expect(told).toEqual(
      told.map(([name]) => [name, MISFORTUNES[name as keyof typeof MISFORTUNES]]),
    )
    expect(new Set(server.met).size).toBe(Object.keys(MISFORTUNES).length)
  },
)

test('no misfortune of one request moves the instant at which another is sent', async () => {
  const { results, server } = await replayAgainst('6')
  const lags = results
    .filter(({ index }) => server.met[index] !== 'slow_connect')
    .map(({ writtenAtUs, dueUs }) => writtenAtUs - dueUs)
    .filter((lagUs) => !Number.isNaN(lagUs))
  expect(new Set(lags)).toEqual(new Set([0]))
})

test('a connection that stands too late delays its own request, and says by how much', async () => {
  const { results, server } = await replayAgainst('7')
  const late = results.filter(({ index }) => server.met[index] === 'slow_connect')
  expect(late.length).toBeGreaterThan(0)
  expect(late.map(({ writtenAtUs, dueUs }) => writtenAtUs - dueUs)).toEqual(late.map(() => 200_000))
})

test('each request ends once, and the counts say how', async () => {
  const { results, counters, server } = await replayAgainst('8')
  expect(new Set(results.map(({ index }) => index)).size).toBe(REQUESTS)
  const ok = results.filter(({ index }) => MISFORTUNES[server.met[index] ?? 'none'] === 'ok').length
  expect(counters.get('done')).toBe(REQUESTS)
  expect(counters.get('inFlight')).toBe(0)
  expect(counters.get('ok')).toBeGreaterThanOrEqual(ok)
  expect(counters.get('ok') + counters.get('errors')).toBe(REQUESTS)
})
