/** What `trace record` says: at its start, once a second, and at its end. Pure. */
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatShare,
  plural,
  significant,
} from '../base/format.ts'
import { hostPortText } from '../base/parse.ts'
import { bucketQuantileUs, countsSince, type Tally } from '../stats/octaves.ts'
import type { ObserverCounts, ServerFacts } from './messages.ts'
import { chainKey } from '../stream/prefix-chain.ts'
import type { LoadedKey } from './key-file.ts'
import type { RecordOptions, RecordRoute } from './options.ts'
import { isSilence, type Silence } from './server-facts.ts'

/** The figures behind the live line and the admin page. */
export type RecordStatus = Readonly<{
  elapsedUs: number
  counts: ObserverCounts
  /** Requests that no row tells of, or not to their end. */
  unrecorded: number
  connections: number
  /** What was added to each chunk so far. */
  delays: Tally
  /** null while all is well. */
  degraded: string | null
  /** Why the server was not reached last time; null while it is. */
  upstreamProblem: string | null
}>

const TRUST_HINT = '  --upstream-ca FILE names whom to trust; --insecure trusts anybody\n'

/** @param server 'late' where it takes its time */
export function bannerText(route: RecordRoute, server: ServerFacts | Silence | 'late'): string {
  const { host, port } = route.listen
  const place = host === '0.0.0.0' || host === '::' ? `:${port}` : hostPortText(route.listen)
  const at = route.upstream.origin
  const isUntrusted =
    server !== 'late' && isSilence(server) && server.problem.startsWith('its certificate ')
  const hint = isUntrusted ? TRUST_HINT : ''
  return `recording ${place} → ${at} (${serverText(server)})\n${hint}`
}

/** What of each request stays, the key behind its ids, and how to switch that off. */
export function keepsText(
  { observe }: RecordOptions,
  { secret, place }: LoadedKey,
  pid: number,
): string {
  const kept = [
    'sizes',
    'times',
    'outcomes',
    ...(observe.blocks === 'off' ? [] : ['keyed prefix ids']),
  ]
  const key = `key ${chainKey(secret).keyId.slice(0, 4)}…, ${place}`
  return (
    `keeps ${kept.join(', ')} (${key}); no text, no headers\n` +
    `kill -USR2 ${pid} switches recording off, and on again\n`
  )
}

export function drainText(connections: number, drainUs: number): string {
  return `draining ${plural(connections, 'connection')} (${drainUs / 1_000_000} s at most; ^C again to cut)\n`
}

function serverText(server: ServerFacts | Silence | 'late'): string {
  if (server === 'late') return 'it has not said yet what it is'
  if (isSilence(server)) {
    return `not reachable yet: ${server.problem}; clients get 502 until it is`
  }
  const { software, version, models, maxModelTokens } = server
  const parts = [
    version === null
      ? 'a server that gives no version'
      : `${software ?? 'a server of version'} ${version}`,
    ...models.slice(0, 3),
    ...(models.length > 3 ? [`${models.length - 3} more models`] : []),
    ...(maxModelTokens === null ? [] : [`context ${formatCount(maxModelTokens)}`]),
  ]
  return parts.join(', ')
}

/** @param before what is a rate or a delay is of the time since then */
export function liveText(status: RecordStatus, before: RecordStatus): string {
  const { counts, elapsedUs } = status
  const seconds = Math.max(1, elapsedUs - before.elapsedUs) / 1_000_000
  const requestsPerSec = (counts.requests - before.counts.requests) / seconds
  const delays = countsSince(status.delays.counts, before.delays.counts)
  const addedUs = bucketQuantileUs(delays, 0.5)
  const parts = [
    // First, so that a narrow terminal shows it.
    ...(status.degraded === null ? [] : [`DEGRADED: ${status.degraded}`]),
    ...(status.upstreamProblem === null ? [] : [`server: ${status.upstreamProblem}`]),
    `${rateText(requestsPerSec)} req/s`,
    `${formatCount(counts.inFlight)} in flight`,
    `${formatCount(counts.recorded)} recorded${countedText(counts)}`,
    `${formatCount(counts.hungUp)} hung up`,
    `${formatCount(status.unrecorded)} unrecorded`,
    addedUs === null ? 'no chunks' : `+${significant(addedUs / 1_000, 2)} ms`,
  ]
  return ` ${clockText(status.elapsedUs)}  ${parts.join(' · ')}`
}

/** A second is never quite one: 0.999 of a request in it is one. */
function rateText(perSec: number): string {
  return significant(perSec, perSec < 10 ? 2 : 3)
}

/** Which share of the rows has the server's own counts. */
function countedText({ recorded, serverCounted }: ObserverCounts): string {
  // A row that ended a moment ago is counted, and not yet written.
  const share = Math.min(1, serverCounted / recorded)
  return recorded === 0 ? '' : ` (${formatShare(share, 0)} counted by the server)`
}

function clockText(us: number): string {
  const seconds = Math.floor(us / 1_000_000)
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}

export type RecordSummary = Readonly<{
  directory: string
  elapsedUs: number
  counts: ObserverCounts
  unrecorded: number
  /** Why nothing was recorded as it ended; null where all was well. */
  degraded: string | null
  digest: string | null
  /** Usage was asked for already. */
  asksUsage: boolean
}>

/** Below this share of rows with the server's own counts, the way to more is named. */
const PLENTY_OF_USAGE = 0.9

export function summaryText(summary: RecordSummary): string {
  const { counts, directory, digest } = summary
  const facts = [
    `${plural(counts.recorded, 'request')} in ${formatDuration(summary.elapsedUs)}`,
    plural(counts.segments, 'segment'),
    formatBytes(counts.fileBytes),
    ...(digest === null ? [] : [`digest ${digest.slice(0, 12)}`]),
  ]
  const lines = [`${directory.replace(/\/*$/, '/')}  ${facts.join(' · ')}`]
  const indent = ' '.repeat(directory.replace(/\/*$/, '/').length + 2)
  if (counts.recorded > 0) {
    // Rows that a full disk lost were counted, too.
    const share = Math.min(1, counts.serverCounted / counts.recorded)
    const isLow = share < PLENTY_OF_USAGE && !summary.asksUsage
    const advice = isLow ? '; --ask-usage asks it for all' : ''
    lines.push(`${indent}token counts: ${formatShare(share, 0)} from the server${advice}`)
  }
  const { unrecorded, degraded } = summary
  if (unrecorded > 0 && !recordedNothing(summary)) {
    const verb = unrecorded === 1 ? 'is' : 'are'
    lines.push(`${indent}${plural(unrecorded, 'request')} ${verb} missing: see its gaps`)
  }
  if (counts.passed > 0) {
    lines.push(`${indent}${plural(counts.passed, 'request')} of other kinds passed, unrecorded`)
  }
  if (recordedNothing(summary)) {
    const why = degraded === null ? '' : `: ${degraded}`
    lines.push(`nothing was recorded of ${plural(unrecorded, 'request')} that passed${why}`)
  }
  return `${lines.join('\n')}\n`
}

/** Requests passed, and the recording has neither a row nor a gap of them. */
export function recordedNothing({ counts, unrecorded }: RecordSummary): boolean {
  return unrecorded > 0 && counts.recorded === 0 && counts.gapRows === 0
}
