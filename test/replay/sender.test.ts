import { expect, test } from 'vitest'
import { LinkDesk } from '../../src/replay/link-desk.ts'
import type { OpenWire, WireEvents } from '../../src/replay/wire.ts'
import { readyRequest, runSender } from '../support/sender-run.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'

const ANSWER = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
)
const HEAD = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n',
)
const EVENT = 'data: {"choices":[{"index":0,"text":" a","finish_reason":null}]}\n\n'
const CHUNK = Buffer.from(`${EVENT.length.toString(16)}\r\n${EVENT}\r\n`)

type Log = { opened: number; closed: number; written: number[] }

/** Connects in 0.2 ms; what it does with a request is the test's affair. */
function server(
  log: Log,
  serve: (events: WireEvents, clock: VirtualClock, which: number) => Promise<void>,
): (clock: VirtualClock) => OpenWire {
  return (clock) => (_target, events) => {
    log.opened += 1
    const connect = async () => {
      await clock.sleepUntil(clock.nowUs() + 200)
      events.connected()
    }
    void connect()
    return {
      unsentBytes: 0,
      write() {
        log.written.push(clock.nowUs())
        void serve(events, clock, log.written.length)
      },
      close: () => void (log.closed += 1),
    }
  }
}

const newLog = (): Log => ({ opened: 0, closed: 0, written: [] })
const after = async (clock: VirtualClock, us: number) => clock.sleepUntil(clock.nowUs() + us)

async function answer(events: WireEvents, clock: VirtualClock): Promise<void> {
  await after(clock, 10_000)
  events.bytes(ANSWER, ANSWER.length)
}

test('each request is written at its own instant, whatever the order in which they were added', async () => {
  const log = newLog()
  const dues = [3_000_000, 1_000_000, 2_000_000, 1_000_000]
  await runSender(
    dues.map((dueUs) => ({ dueUs })),
    server(log, answer),
  )
  expect(log.written).toEqual(dues.toSorted((a, b) => a - b))
})

test('a pool uses a connection again while it is young, and not when it has waited for two seconds', async () => {
  const log = newLog()
  const dues = [1_000_000, 1_600_000, 2_200_000, 5_000_000]
  const { results } = await runSender(
    dues.map((dueUs) => ({ dueUs })),
    server(log, answer),
    { connections: 'pool' },
  )
  expect(results.map(({ connection }) => connection)).toEqual(['new', 'reused', 'reused', 'new'])
  expect(log.opened).toBe(2)
})

test('connections are used again as recorded, where that is asked for', async () => {
  const log = newLog()
  const dues = [1_000_000, 1_600_000, 2_200_000]
  const requests = dues.map((dueUs, at) => ({ dueUs, isReuseWanted: at === 2 }))
  const { results } = await runSender(requests, server(log, answer), { connections: 'recorded' })
  expect(results.map(({ connection }) => connection)).toEqual(['new', 'new', 'reused'])
})

test('a used connection that closes under our bytes is a race; one that closes before is replaced', async () => {
  const log = newLog()
  const serve = async (events: WireEvents, clock: VirtualClock, which: number) => {
    if (which !== 2) return answer(events, clock)
    await after(clock, 100)
    events.ended()
    events.closed(null)
  }
  const requests = [{ dueUs: 1_000_000 }, { dueUs: 1_600_000 }]
  const raced = await runSender(requests, server(log, serve), { connections: 'pool' })
  expect(raced.results[1]).toMatchObject({ fault: 'keepalive_race', connection: 'race' })

  const early = async (events: WireEvents, clock: VirtualClock, which: number) => {
    await answer(events, clock)
    if (which > 1) return
    await after(clock, 400_000)
    events.ended()
    events.closed(null)
  }
  const replaced = await runSender(requests, server(newLog(), early), { connections: 'pool' })
  expect(replaced.results[1]).toMatchObject({ fault: 'none', connection: 'new' })
})

test('a hang-up by time leaves so long after the request was written, one by tokens with the last of them', async () => {
  const stream = async (events: WireEvents, clock: VirtualClock) => {
    events.bytes(HEAD, HEAD.length)
    for (let token = 0; token < 20; token += 1) {
      await after(clock, 10_000)
      events.bytes(CHUNK, CHUNK.length)
    }
  }
  const byTime = await runSender([{ abortAfterUs: 35_000 }], server(newLog(), stream))
  expect(byTime.results[0]).toMatchObject({ abortAtUs: 1_035_000, fault: 'none' })
  const byTokens = await runSender([{ abortAfterEvents: 7 }], server(newLog(), stream))
  expect(byTokens.results[0]).toMatchObject({ abortAtUs: 1_070_000, fault: 'none' })
  expect(byTokens.counters.get('hungUp')).toBe(1)
})

test('what would exceed a limit is left out and counted, the rest is sent on time', async () => {
  const log = newLog()
  const requests = Array.from({ length: 10 }, (_, at) => ({ dueUs: 1_000_000 + at * 1_000 }))
  const { results, counters } = await runSender(requests, server(log, answer), { maxInFlight: 4 })
  expect(results.filter(({ fault }) => fault === 'dropped').length).toBe(6)
  expect(counters.get('dropped')).toBe(6)
  expect(log.written.length).toBe(4)
  const rated = await runSender(requests, server(newLog(), answer), { maxPerSecond: 3 })
  expect(rated.results.filter(({ fault }) => fault === 'dropped').length).toBe(7)
})

test('a closed loop sends the next request in the moment in which a user is free', async () => {
  const log = newLog()
  const requests = Array.from({ length: 6 }, () => ({}))
  const { results } = await runSender(requests, server(log, answer), {
    concurrency: 2,
    connections: 'pool',
  })
  expect(results.length).toBe(6)
  expect(log.opened).toBe(2)
  expect(log.written).toEqual([1_000_000, 1_000_000, 1_010_000, 1_010_000, 1_020_000, 1_020_000])
})

test('a trace of 30 days neither drifts nor overflows a timer', async () => {
  const log = newLog()
  const dayUs = 86_400_000_000
  const dues = Array.from({ length: 31 }, (_, day) => 1_000_000 + day * dayUs)
  await runSender(
    dues.map((dueUs) => ({ dueUs })),
    server(log, answer),
  )
  expect(log.written).toEqual(dues)
})

test('a day of requests, and an hour within it that is twenty times as busy, keeps every instant to the microsecond', async () => {
  const log = newLog()
  const hourUs = 3_600_000_000
  const steady = Array.from({ length: 24 * 360 }, (_, at) => at * 10_000_000 + 7)
  const busy = Array.from({ length: 7_200 }, (_, at) => 9 * hourUs + at * 500_000 + 333_333)
  const dues = [...steady, ...busy].toSorted((a, b) => a - b)
  await runSender(
    dues.map((dueUs) => ({ dueUs: dueUs + 1_000_000 })),
    server(log, answer),
    // The wires of this server are not closed by it.
    { limits: { leadUs: 500_000, timeoutUs: 60_000_000, stallUs: 10_000_000, maxLinks: 20_000 } },
  )
  expect(log.written).toEqual(dues.map((dueUs) => dueUs + 1_000_000))
})

test('with no file handle left a request waits for one, is late, and says so', async () => {
  const limits = { leadUs: 500_000, timeoutUs: 60_000_000, stallUs: 10_000_000, maxLinks: 2 }
  const closing =
    (clock: VirtualClock): OpenWire =>
    (target, events) => {
      const wire = server(newLog(), answer)(clock)(target, events)
      return { ...wire, unsentBytes: 0, close: () => events.closed(null) }
    }
  const { results } = await runSender([{}, {}, {}], closing, { limits })
  expect(results.map(({ fault }) => fault)).toEqual(['none', 'none', 'none'])
  const lags = results
    .map(({ writtenAtUs, dueUs }) => writtenAtUs - dueUs)
    .toSorted((a, b) => a - b)
  expect(lags.slice(0, 2)).toEqual([0, 0])
  expect(lags[2]).toBeGreaterThan(0)
})

test('a breaker whose try is hung up as planned lets the next request try', async () => {
  const log = newLog()
  const { results } = await runSender(
    [
      { dueUs: 1_000_000 },
      { dueUs: 1_100_000 },
      { dueUs: 1_200_000 },
      { dueUs: 3_000_000, abortAfterUs: 50_000 },
      { dueUs: 4_000_000 },
    ],
    server(log, async (events, clock, which) => {
      if (which <= 2) events.closed('ECONNRESET')
      else if (which >= 4) await answer(events, clock)
    }),
    { breaker: { failures: 2, openUs: 1_000_000 } },
  )
  const faults = results.toSorted((a, b) => a.index - b.index).map(({ fault }) => fault)
  expect(faults).toEqual(['none', 'none', 'dropped', 'none', 'none'])
})

test('a breaker whose try is not admitted lets the next request try', async () => {
  const { results } = await runSender(
    [{ dueUs: 1_000_000 }, { dueUs: 1_200_000 }, { dueUs: 2_500_000 }],
    server(newLog(), async (events, clock, which) => {
      if (which === 1) events.closed('ECONNRESET')
      else await answer(events, clock)
    }),
    { breaker: { failures: 1, openUs: 100_000 }, maxPerSecond: 1 },
  )
  const faults = results.toSorted((a, b) => a.index - b.index).map(({ fault }) => fault)
  expect(faults).toEqual(['none', 'dropped', 'none'])
})

test('a request that is tried again counts once, as what became of it, and lets one more body in', async () => {
  const busy = Buffer.from('HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n')
  const { counters, results } = await runSender(
    [{}],
    server(newLog(), async (events, clock, which) => {
      if (which === 1) events.bytes(busy, busy.length)
      else await answer(events, clock)
    }),
    { retry: { retries: 2, firstUs: 100_000, longestUs: 1_000_000, budget: 1 } },
  )
  expect(results.map(({ isFinal }) => isFinal)).toEqual([false, true])
  const counts = (['sent', 'done', 'ok', 'errors', 'released', 'releasedBytes'] as const).map(
    (name) => counters.get(name),
  )
  expect(counts).toEqual([2, 1, 1, 0, 1, 100])
})

test('what cannot be sent says nothing of the server: no breaker opens for it', async () => {
  const { results } = await runSender([{}, {}, {}], server(newLog(), answer), {
    breaker: { failures: 2, openUs: 60_000_000 },
    bytesOf: (index) => Buffer.alloc(index === 0 ? 200 : 0),
  })
  expect(results.map(({ fault }) => fault)).toEqual(['unsendable', 'unsendable', 'none'])
})

test('a closed loop passes over any number of requests in a row that cannot be sent', async () => {
  const count = 20_000
  const { results } = await runSender(
    Array.from({ length: count }, () => ({})),
    server(newLog(), answer),
    { concurrency: 1, bytesOf: (index) => Buffer.alloc(index === 0 ? 200 : 0) },
  )
  expect(results.length).toBe(count)
})

test('idle connections that nobody may use again make room for those that are wanted', async () => {
  const open = { now: 0, most: 0 }
  const counting =
    (clock: VirtualClock): OpenWire =>
    (target, events) => {
      open.most = Math.max(open.most, (open.now += 1))
      const wire = server(newLog(), answer)(clock)(target, events)
      const close = async () => {
        await after(clock, 1)
        open.now -= 1
        events.closed(null)
      }
      return { ...wire, unsentBytes: 0, close: () => void close() }
    }
  const limits = { leadUs: 500_000, timeoutUs: 60_000_000, stallUs: 10_000_000, maxLinks: 3 }
  const requests = Array.from({ length: 12 }, (_, at) => ({ dueUs: 1_000_000 + at * 20_000 }))
  const { results } = await runSender(requests, counting, { connections: 'recorded', limits })
  expect(results.every(({ fault }) => fault === 'none')).toBe(true)
  expect(open.most).toBeLessThanOrEqual(limits.maxLinks + 1)
})

test('idle connections that the server has ended make no room for more than there may be', () => {
  const wires: WireEvents[] = []
  const openWire: OpenWire = (_target, events) => {
    wires.push(events)
    return { unsentBytes: 0, write() {}, close() {} }
  }
  const desk = new LinkDesk({ openWire, connections: 'pool', leadUs: 0, maxLinks: 2, onRoom() {} })
  const nobody = { connected() {}, bytes() {}, drained() {}, ended() {}, closed() {} }
  const take = () => desk.take(readyRequest(0, {}), nobody, 0, false)
  for (const link of [take(), take()]) desk.leave(link, true, 0)
  for (const wire of wires) {
    wire.ended()
    wire.closed(null)
  }
  for (let link = 0; link < 2; link += 1) {
    expect(desk.isFull).toBe(false)
    take()
  }
  expect(desk.isFull).toBe(true)
})
