/** Where the time went, in words, from what the server said about itself. Pure. */
import { formatCount, formatDuration, formatShare, plural } from '../base/format.ts'
import type { RunFacts } from './run-facts.ts'
import type { TtftParts } from './ttft-parts.ts'

/** Below this share of the server's TTFT the queue explains nothing. */
const QUEUE_SHARE = 0.2

/** @returns clauses, the weightiest first; none where the server told nothing */
export function explain({ server, ttftParts }: RunFacts): string[] {
  const clauses = ttftParts === null ? meansClauses(server) : partsClauses(ttftParts)
  if (server === null) return clauses
  if (server.kv_full_at_us !== null) {
    clauses.push(`KV cache full from ${formatDuration(server.kv_full_at_us)}`)
  } else if (server.peaks.kv_usage !== null) {
    clauses.push(`KV cache at most ${formatShare(server.peaks.kv_usage)} full`)
  }
  if (server.preemptions) clauses.push(plural(server.preemptions, 'preemption'))
  if (server.prefix_hit_share !== null) {
    clauses.push(`${formatShare(server.prefix_hit_share)} of prompt tokens from the prefix cache`)
  }
  return clauses
}

function meansClauses(server: RunFacts['server']): string[] {
  const { queue = null, ttft = null, prefill = null } = server?.means_s ?? {}
  if (queue === null || ttft === null || ttft === 0) return []
  const rest = prefill === null ? '' : `, prefill ${formatDuration(prefill * 1e6)}`
  return queue / ttft >= QUEUE_SHARE
    ? [
        `queue ${formatDuration(queue * 1e6)} of the ${formatDuration(ttft * 1e6)} mean TTFT on the server${rest}`,
      ]
    : [`no queue to speak of (${formatDuration(queue * 1e6)})${rest}`]
}

/** The slowest twentieth beside the mean of all: a queue is seldom everybody's. */
function partsClauses({ n, queue, prefill, rest, slow }: TtftParts): string[] {
  const all =
    `TTFT is queue ${formatDuration(queue.mean)}, prefill ${formatDuration(prefill.mean)}, ` +
    `the way and HTTP ${formatDuration(rest.mean)} (means of ${formatCount(n)} requests)`
  const share = (us: number) => formatShare(us / slow.ttft, 0)
  return [
    all,
    `of the slowest ${formatCount(slow.n)} queue ${share(slow.queue)}, prefill ${share(slow.prefill)}, the way ${share(slow.rest)}`,
  ]
}
