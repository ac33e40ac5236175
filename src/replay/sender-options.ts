/** What a sending loop needs to know and to call. Types only. */
import type { Clock } from '../base/clock.ts'
import type { Draw } from '../base/random.ts'
import type { Admission } from './admission.ts'
import type { MakeAlarm } from './alarm.ts'
import type { Counters } from './counters.ts'
import type { FlightResult } from './flight-result.ts'
import type { ConnectionMode } from './link.ts'
import type { BreakerPolicy, RetryPolicy } from './retry.ts'
import type { OpenWire } from './wire.ts'

export type SenderLimits = Readonly<{
  /** How long before its instant a request's connection is opened. */
  leadUs: number
  /** An answer must be whole so long after *sent*. */
  timeoutUs: number
  /** Bytes must arrive at least this often while one waits. */
  stallUs: number
  /** Connections at once; what needs one more waits, and is late. */
  maxLinks: number
}>

export type SenderOptions = Readonly<{
  clock: Clock
  makeAlarm: MakeAlarm
  openWire: OpenWire
  counters: Counters
  admission: Admission
  limits: SenderLimits
  /** Closed loop: a request is due when one of so many users is free; null: at its own instant. */
  concurrency: number | null
  connections: ConnectionMode
  /** null: what failed stays failed. */
  retry: RetryPolicy | null
  breaker: BreakerPolicy | null
  /** Spreads retries. */
  draw: Draw
  /** Called once for each attempt of each request that was added. */
  onResult: (result: FlightResult) => void
}>
