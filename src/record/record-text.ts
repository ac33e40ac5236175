/** What `trace record` says: at its start, once a second, and at its end. Pure. */
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatShare,
  significant,
} from '../base/format.ts'
import { hostPortText } from '../base/parse.ts'
import { bucketQuantileUs, countsSince, type Tally } from '../stats/octaves.ts'
import type { ObserverCounts, ServerFacts } from './messages.ts'
import { chainKey } from '../stream/prefix-chain.ts'
import type { LoadedKey } from './key-file.ts'
import type { RecordOptions, RecordRoute } from './options.ts'

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

/** @param server null where it cannot be asked; 'late' where it takes its time */
export function bannerText(route: RecordRoute, server: ServerFacts | null | 'late'): string {
  const { host, port } = route.listen
  const place = host === '0.0.0.0' || host === '::' ? `:${port}` : hostPortText(route.listen)
  const at = route.upstream.origin
  return `recording ${place} → ${at} (${serverText(server)})\n`
}

/** One line: what of each request stays, and the key behind its ids. */
export function keepsText({ observe }: RecordOptions, { secret, place }: LoadedKey): string {
  const kept = [
    'sizes',
    'times',
    'outcomes',
    ...(observe.blocks === 'off' ? [] : ['keyed prefix ids']),
  ]
  const key = `key ${chainKey(secret).keyId.slice(0, 4)}…, ${place}`
  return `keeps ${kept.join(', ')} (${key}); no text, no headers\n`
}

export function drainText(connections: number, drainUs: number): string {
  const left = `${formatCount(connections)} connection${connections === 1 ? '' : 's'}`
  return `draining ${left} (${drainUs / 1_000_000} s at most; ^C again to cut)\n`
}

function serverText(server: ServerFacts | null | 'late'): string {
  if (server === null) return 'not reachable yet; clients get 502 until it is'
  if (server === 'late') return 'it has not said yet what it is'
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
    `${significant(requestsPerSec, 3)} req/s`,
    `${formatCount(counts.inFlight)} in flight`,
    `${formatCount(counts.recorded)} recorded${countedText(counts)}`,
    `${formatCount(counts.hungUp)} hung up`,
    `${formatCount(status.unrecorded)} unrecorded`,
    addedUs === null ? 'no chunks' : `+${significant(addedUs / 1_000, 2)} ms`,
  ]
  return ` ${clockText(status.elapsedUs)}  ${parts.join(' · ')}`
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
  digest: string | null
  /** Usage was asked for already. */
  asksUsage: boolean
}>

/** Below this share of rows with the server's own counts, the way to more is named. */
const PLENTY_OF_USAGE = 0.9

export function summaryText(summary: RecordSummary): string {
  const { counts, directory, digest } = summary
  const facts = [
    `${requestsText(counts.recorded)} in ${formatDuration(summary.elapsedUs)}`,
    `${formatCount(counts.segments)} segment${counts.segments === 1 ? '' : 's'}`,
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
  if (summary.unrecorded > 0) {
    const verb = summary.unrecorded === 1 ? 'is' : 'are'
    lines.push(`${indent}${requestsText(summary.unrecorded)} ${verb} missing: see its gaps`)
  }
  if (counts.passed > 0) {
    lines.push(`${indent}${requestsText(counts.passed)} of other kinds passed, unrecorded`)
  }
  return `${lines.join('\n')}\n`
}

function requestsText(count: number): string {
  return `${formatCount(count)} request${count === 1 ? '' : 's'}`
}
