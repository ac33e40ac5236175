import { expect, test } from 'vitest'
import { Admission } from '../../src/replay/admission.ts'
import { clockAlarm } from '../../src/replay/alarm.ts'
import { Counters } from '../../src/replay/counters.ts'
import type { FlightResult, ReadyRequest } from '../../src/replay/flight-result.ts'
import { outcomeRow } from '../../src/replay/outcome-row.ts'
import { Sender } from '../../src/replay/sender.ts'
import { interpret } from '../../src/stream/interpret.ts'
import { handPlan } from '../support/hand-plan.ts'
import { hostileServer, MISFORTUNES } from '../support/hostile-wires.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const REQUESTS = 400
const LIMITS = { leadUs: 500_000, timeoutUs: 60_000_000, stallUs: 10_000_000, maxLinks: 1_000 }

async function replayAgainst(seed: string) {
  const clock = new VirtualClock()
  const server = hostileServer(clock, seed)
  const results: FlightResult[] = []
  const counters = new Counters()
  const { promise, resolve } = Promise.withResolvers<void>()
  const sender = new Sender({
    clock,
    makeAlarm: clockAlarm(clock),
    openWire: server.openWire,
    counters,
    admission: new Admission({ maxInFlight: Infinity, maxPerSecond: Infinity }),
    limits: LIMITS,
    concurrency: null,
    connections: 'fresh',
    retry: null,
    breaker: null,
    draw: () => 0,
    onResult(result) {
      results.push(result)
      if (results.length === REQUESTS) resolve()
    },
  })
  for (let index = 0; index < REQUESTS; index += 1) {
    const request: ReadyRequest = {
      index,
      attempt: 0,
      dueUs: 1_000_000 + index * 10_000,
      sinceStartUs: index * 10_000,
      target: 0,
      bodyBytes: 100,
      isStream: true,
      isReuseWanted: false,
      abortAfterUs: Number.NaN,
      abortAfterEvents: 0,
    }
    sender.add(request, Buffer.alloc(200))
  }
  await clock.run(promise)
  return { server, results, counters }
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
