/** What the observer's thread is started with; it is cloned on its way there. Pure. */
import type { World } from '../base/world.ts'
import { newHeader, type TraceHeader } from '../trace/header.ts'
import type { RetentionLimits } from '../trace/retention.ts'
import type { ObserveOptions } from './observe-options.ts'
import type { ObserverLimits } from './observer.ts'
import { observeHeader } from './observe-header.ts'
import type { RecordOptions, TlsOptions } from './options.ts'

export type ObserverConfig = Readonly<{
  directory: string
  header: TraceHeader
  /** Monotonic µs at the origin of a new recording. */
  originUs: number
  limits: ObserverLimits
  /** Rows that may wait for the disk. */
  maxRows: number
  maxRowBytes: number
  /** A segment is finished at this size or age; 0 is no limit. */
  rotateBytes: number
  rotateUs: number
  retention: RetentionLimits
  observe: ObserveOptions
  /** Key of all keyed ids. */
  secret: Uint8Array
  /** Upstream of each route, for questions of our own. */
  origins: Readonly<Record<string, string>>
  /** How those questions reach an https upstream. */
  tls: TlsOptions
  /** Key for those questions. */
  apiKey: string | null
  /** Where answers are counted for who watches. */
  answers: SharedArrayBuffer
}>

/** @param originUs monotonic µs of now */
export function observerConfig(
  options: RecordOptions,
  { clock, env }: World,
  secret: Uint8Array,
  originUs: number,
  answers: SharedArrayBuffer,
): ObserverConfig {
  return {
    directory: options.directory,
    header: newHeader('recorded', {
      originWallUs: clock.wallUs(),
      clock: { quantumUs: 1, anchors: [{ atUs: 0, wallUs: clock.wallUs() }] },
      ...observeHeader(options.observe, secret, notesOf(options)),
    }),
    originUs,
    limits: {
      maxBodyBytes: options.maxBodyBytes,
      maxStreamBytes: options.maxStreamBytes,
      maxHeadBytes: options.maxHeadBytes,
    },
    maxRows: options.queueRows,
    maxRowBytes: options.queueRowBytes,
    rotateBytes: options.rotateBytes,
    rotateUs: options.rotateUs,
    retention: options.retention,
    observe: options.observe,
    secret,
    origins: Object.fromEntries(
      options.routes.map(({ name, upstream }) => [name, upstream.origin]),
    ),
    tls: options.tls,
    apiKey: env['TRACE_UPSTREAM_KEY'] ?? null,
    answers,
  }
}

/** What a reader of the trace must know about how it came to be. */
function notesOf({ tls, isMirror, asksUsage }: RecordOptions): string[] {
  return [
    ...(tls.isInsecure ? ["the upstream's certificate was not verified"] : []),
    ...(asksUsage ? ['usage was asked for on behalf of clients that did not (--ask-usage)'] : []),
    ...(isMirror ? ["a mirrored copy: hang-ups and the real answers' latency are not seen"] : []),
  ]
}
