/** Runs the sending loop on virtual time against wires that a test makes. */
import { Admission } from '../../src/replay/admission.ts'
import { clockAlarm } from '../../src/replay/alarm.ts'
import { Counters } from '../../src/replay/counters.ts'
import type { FlightResult, ReadyRequest } from '../../src/replay/flight-result.ts'
import type { SenderOptions } from '../../src/replay/sender-options.ts'
import { Sender } from '../../src/replay/sender.ts'
import type { OpenWire } from '../../src/replay/wire.ts'
import { VirtualClock } from './virtual-clock.ts'

export type SenderRun = Readonly<{ results: FlightResult[]; counters: Counters }>

/** @param openWire makes the server; gets the clock that the run uses */
export async function runSender(
  requests: readonly Partial<ReadyRequest>[],
  openWire: (clock: VirtualClock) => OpenWire,
  changes: Partial<SenderOptions> &
    Readonly<{
      maxInFlight?: number
      maxPerSecond?: number
      bytesOf?: (index: number) => Uint8Array
    }> = {},
): Promise<SenderRun> {
  const { maxInFlight = Number.POSITIVE_INFINITY, maxPerSecond = Number.POSITIVE_INFINITY } =
    changes
  const clock = new VirtualClock()
  const results: FlightResult[] = []
  const counters = new Counters()
  const { promise, resolve } = Promise.withResolvers<void>()
  const sender = new Sender({
    clock,
    makeAlarm: clockAlarm(clock),
    openWire: openWire(clock),
    counters,
    admission: new Admission({ maxInFlight, maxPerSecond }),
    limits: { leadUs: 500_000, timeoutUs: 60_000_000, stallUs: 10_000_000, maxLinks: 1_000 },
    concurrency: null,
    connections: 'fresh',
    retry: null,
    breaker: null,
    draw: () => 0,
    onResult(result) {
      results.push(result)
      // One that is tried again is not pending for a moment.
      if (result.isFinal && sender.pendingCount === 0) resolve()
    },
    ...changes,
  })
  for (const [index, request] of requests.entries())
    sender.add(readyRequest(index, request), changes.bytesOf?.(index) ?? Buffer.alloc(200))
  await clock.run(promise)
  return { results, counters }
}

export function readyRequest(index: number, changes: Partial<ReadyRequest>): ReadyRequest {
  const dueUs = changes.dueUs ?? 1_000_000
  return {
    index,
    attempt: 0,
    sinceStartUs: dueUs - 1_000_000,
    target: 0,
    bodyBytes: 100,
    isStream: true,
    isReuseWanted: false,
    abortAfterUs: Number.NaN,
    abortAfterEvents: 0,
    ...changes,
    dueUs,
  }
}
