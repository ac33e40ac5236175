/** Where the time went, in words, from what the server said about itself. Pure. */
import { formatCount, formatDuration, formatShare } from '../base/format.ts'
import type { RunFacts } from './run-facts.ts'

/** Below this share of the server's TTFT the queue explains nothing. */
const QUEUE_SHARE = 0.2

/** @returns clauses, the weightiest first; none where the server was not watched */
export function explain({ server }: RunFacts): string[] {
  if (server === null) return []
  const { queue, ttft, prefill } = server.means_s
  const clauses: string[] = []
  if (queue !== null && ttft !== null && ttft > 0) {
    const text = `queue ${formatDuration(queue * 1e6)} of the ${formatDuration(ttft * 1e6)} mean TTFT on the server`
    const rest = prefill === null ? '' : `, prefill ${formatDuration(prefill * 1e6)}`
    if (queue / ttft >= QUEUE_SHARE) clauses.push(text + rest)
    else clauses.push(`no queue to speak of (${formatDuration(queue * 1e6)})${rest}`)
  }
  if (server.kv_full_at_us !== null) {
    clauses.push(`KV cache full from ${formatDuration(server.kv_full_at_us)}`)
  } else if (server.peaks.kv_usage !== null) {
    clauses.push(`KV cache at most ${formatShare(server.peaks.kv_usage)} full`)
  }
  if (server.preemptions) clauses.push(`${formatCount(server.preemptions)} preemptions`)
  if (server.prefix_hit_share !== null) {
    clauses.push(`${formatShare(server.prefix_hit_share)} of prompt tokens from the prefix cache`)
  }
  return clauses
}
