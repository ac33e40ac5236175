/** Retries, reused connections and limits against a server that misbehaves by seed: each try is told as what it was. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FlightResult } from '../../src/replay/flight-result.ts'
import { outcomeRow } from '../../src/replay/outcome-row.ts'
import { parseBreaker, parseRetry } from '../../src/replay/retry.ts'
import { interpret } from '../../src/stream/interpret.ts'
import { handPlan } from '../support/hand-plan.ts'
import { hostilePool, MISFORTUNES, type Deed, type HostilePool } from '../support/hostile-wires.ts'
import { runSender } from '../support/sender-run.ts'

const REQUESTS = 120
const context = {
  plan: handPlan(Array.from({ length: REQUESTS }, (_, at) => ({ dueUs: at }))),
  shard: null,
  startUs: 0,
  models: [''],
  targetNames: [''],
  depths: new Uint32Array(0),
}

function rowOf(result: FlightResult) {
  const { capture } = result
  const how = { endpoint: 'completions', isStream: true, keepAnswer: false } as const
  return outcomeRow(context, result, capture === null ? null : interpret(capture, how))
}

/** A connection that had served before may close under a request without a fault of anybody's. */
function truthOf({ misfortune, isReused }: Deed) {
  const isRace = isReused && (misfortune === 'silent_close' || misfortune === 'reset_before_head')
  return { outcome: MISFORTUNES[misfortune], isRace }
}

type Wish = Readonly<{
  seed: string
  connections: 'fresh' | 'pool' | 'recorded'
  retries: number
  hasBreaker: boolean
  maxInFlight: number
  concurrency: number | null
}>

async function run(wish: Wish) {
  const servers: HostilePool[] = []
  const draws = Array.from({ length: REQUESTS }, (_, at) => ({
    dueUs: 1_000_000 + Math.floor((at * at * 7_919) % 4_000_000),
    isReuseWanted: at % 2 === 0,
    ...(at % 11 === 0 ? { abortAfterUs: 45_000 } : {}),
    ...(at % 13 === 0 ? { abortAfterEvents: 2 } : {}),
  }))
  const { results, counters } = await runSender(
    draws,
    (clock) => {
      const server = hostilePool(clock, wish.seed)
      servers.push(server)
      return server.openWire
    },
    {
      connections: wish.connections,
      retry:
        wish.retries === 0
          ? null
          : parseRetry('--retry', `${wish.retries} backoff 10ms..2s budget 100%`),
      breaker: wish.hasBreaker ? parseBreaker('--breaker', '4 for 200ms') : null,
      maxInFlight: wish.maxInFlight,
      concurrency: wish.concurrency,
      bytesOf: (index) => {
        const bytes = Buffer.alloc(200)
        bytes.writeUInt32LE(index)
        return bytes
      },
    },
  )
  return { results, counters, deeds: servers[0]?.deeds ?? new Map<number, Deed[]>() }
}

const wishes: fc.Arbitrary<Wish> = fc.record({
  seed: fc.string({ minLength: 1, maxLength: 6 }),
  connections: fc.constantFrom('fresh', 'pool', 'recorded'),
  retries: fc.nat(3),
  hasBreaker: fc.boolean(),
  maxInFlight: fc.constantFrom(8, Number.POSITIVE_INFINITY),
  concurrency: fc.constantFrom(null, 3),
})

/** What is not as it should be with the tries of one request. */
function faultsOf(tries: readonly FlightResult[], met: readonly Deed[], mostTries: number) {
  const written = tries.filter(({ writtenAtUs }) => !Number.isNaN(writtenAtUs))
  const unwritten = tries.filter(({ writtenAtUs }) => Number.isNaN(writtenAtUs))
  const isCounted = tries.every(({ attempt, isFinal }, at) => {
    return attempt === at && isFinal === (at === tries.length - 1)
  })
  const untrue = written.flatMap((result, at) => {
    const row = rowOf(result)
    const { outcome, isRace } = truthOf(met[at]!)
    const isTold = row.outcome === outcome && (row.connection === 'race') === isRace
    const isHungUp = row.outcome === 'client_abort' && !Number.isNaN(result.abortAtUs)
    return isTold || isHungUp ? [] : [{ met: met[at], told: row.outcome, ...result }]
  })
  return [
    ...(tries.length >= 1 && tries.length <= mostTries && isCounted ? [] : [{ tries }]),
    ...(written.length === met.length ? [] : [{ written, met }]),
    ...untrue,
    ...written.filter(({ writtenAtUs, dueUs }) => writtenAtUs < dueUs),
    ...unwritten.filter((result) => rowOf(result).outcome !== 'not_sent'),
  ]
}

test('every request ends in exactly one final row, and each of its tries is told as what it was', async () => {
  await fc.assert(
    fc.asyncProperty(wishes, async (wish) => {
      const { results, counters, deeds } = await run(wish)
      const faults = Array.from({ length: REQUESTS }, (_, index) =>
        faultsOf(
          results.filter((each) => each.index === index),
          deeds.get(index) ?? [],
          1 + wish.retries,
        ),
      )
      expect(faults.flat()).toEqual([])
      expect(counters.get('inFlight')).toBe(0)
      expect(counters.get('sent')).toBe([...deeds.values()].flat().length)
    }),
    { numRuns: 40 },
  )
})

const AGAIN = new Set(['http_error', 'upstream_reset', 'not_sent'])

test('nothing that was answered or hung up is sent a second time, and a wait that was asked for is kept', async () => {
  await fc.assert(
    fc.asyncProperty(wishes, async (wish) => {
      const { results } = await run({ ...wish, retries: 3, hasBreaker: false })
      const wrong = results.filter((result) => {
        if (result.isFinal) return false
        const { index, attempt, abortAtUs, endedAtUs } = result
        const next = results.find((each) => each.index === index && each.attempt === attempt + 1)
        const { outcome, status } = rowOf(result)
        const isPassing = (status ?? 503) === 503 || status === 429
        const waitUs = status === 429 ? 1_000_000 : 5_000
        const isKept = (next?.dueUs ?? Number.NaN) >= endedAtUs + waitUs
        return !(AGAIN.has(outcome ?? '') && isPassing && isKept && Number.isNaN(abortAtUs))
      })
      expect(wrong).toEqual([])
    }),
    { numRuns: 15 },
  )
})

test('the same seed makes the same run', async () => {
  const wish: Wish = {
    seed: 'again',
    connections: 'pool',
    retries: 2,
    hasBreaker: true,
    maxInFlight: 8,
    concurrency: null,
  }
  const times = async () => (await run(wish)).results.map(({ writtenAtUs }) => writtenAtUs)
  expect(await times()).toEqual(await times())
})
