/** What the observer's thread is started with; it is cloned on its way there. Types only. */
import type { TraceHeader } from '../trace/header.ts'
import type { RetentionLimits } from '../trace/retention.ts'
import type { ObserveOptions } from './observe-options.ts'
import type { ObserverLimits } from './observer.ts'

export type ObserverConfig = Readonly<{
  directory: string
  header: TraceHeader
  /** Monotonic µs at the origin of a new recording. */
  originUs: number
  limits: ObserverLimits
  /** Rows that may wait for the disk. */
  maxRows: number
  /** A segment is finished at this size or age; 0 is no limit. */
  rotateBytes: number
  rotateUs: number
  retention: RetentionLimits
  observe: ObserveOptions
  /** Key of all keyed ids. */
  secret: Uint8Array
  /** Upstream of each route, for questions of our own. */
  origins: Readonly<Record<string, string>>
  /** Key for those questions. */
  apiKey: string | null
}>
