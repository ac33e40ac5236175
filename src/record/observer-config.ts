/** What the observer's thread is started with; it is cloned on its way there. Types only. */
import type { TraceHeader } from '../trace/header.ts'
import type { ObserverLimits } from './observer.ts'

export type ObserverConfig = Readonly<{
  directory: string
  header: TraceHeader
  /** Monotonic µs at the origin of a new recording. */
  originUs: number
  limits: ObserverLimits
  /** Rows that may wait for the disk. */
  maxRows: number
}>
