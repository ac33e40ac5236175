/** An inspection as a person reads it: what, when, how large, how shared, how it went. Pure. */
import { fold } from '../base/fold.ts'
import { formatCount, formatDuration, formatShare, plural, significant } from '../base/format.ts'
import { arrivalLines } from './arrival-text.ts'
import type { Inspection } from './inspection.ts'
import type { Summary } from './summary.ts'
import { joined, labelled } from './words.ts'

export function formatInspection(inspection: Inspection): string {
  const lines = [
    headLine(inspection),
    ...sampleLines(inspection),
    ...arrivalLines(inspection.arrivals),
    ...sizeLines(inspection),
    ...prefixLines(inspection),
    ...sessionLines(inspection),
    ...outcomeLines(inspection),
    ...latencyLines(inspection),
    ...noteLines(inspection),
  ]
  return fold(`${lines.join('\n')}\n`)
}

function headLine({ arrivals, models, sessions, tenants, ...rest }: Inspection): string {
  const modelCount = Object.keys(models).length
  const top = tenants.count > 1 ? ` (top one ${formatShare(tenants.top_share, 0)})` : ''
  return joined([
    `${plural(arrivals.n, 'request')} in ${formatDuration(arrivals.duration_s * 1e6)}`,
    arrivals.rate_n_over_dur !== null &&
      `${significant(arrivals.rate_n_over_dur, 3)}/s${rest.sampled_by === null ? '' : ' of all'}`,
    modelCount > 0 && plural(modelCount, 'model'),
    sessions !== null && plural(sessions.sessions, 'session'),
    tenants.count > 0 && `${plural(tenants.count, 'tenant')}${top}`,
    rest.kind,
  ])
}

/** Rates of a sample are told as those of all its traffic; everything else is as it was kept. */
function sampleLines({ sampling_share: share, sampled_by: by }: Inspection): string[] {
  if (share === null) {
    return [labelled('sample', 'parts were sampled in different ways: rates are of what was kept')]
  }
  if (share === 1) return []
  return [
    labelled(
      'sample',
      `${formatShare(share, 1)} of ${by ?? 'session'}s were kept; rates are scaled to all of them`,
    ),
  ]
}

function percentiles(summary: Summary, unit: string): string {
  const parts = [summary.p50, summary.p95, summary.p99].map((value) => formatCount(value))
  return `p50 ${parts[0]} · p95 ${parts[1]} · p99 ${parts[2]}${unit}`
}

function sizeLines({ input, output, corr, token_sources: sources }: Inspection): string[] {
  const rows = Object.entries(sources)
  const total = rows.reduce((sum, [, count]) => sum + count, 0)
  return [
    ...(input ? [labelled('prompt', percentiles(input, ' tokens'))] : []),
    ...(output ? [labelled('output', percentiles(output, ' tokens'))] : []),
    ...(corr.spearman === null
      ? []
      : [
          labelled(
            '',
            `prompt and output correlate ${significant(corr.spearman, 2)} by rank · ` +
              `${formatCount(input?.sum ?? 0)} tokens in, ${formatCount(output?.sum ?? 0)} out`,
          ),
        ]),
    ...(total > 0
      ? [
          labelled(
            'counts by',
            rows
              .map(
                ([name, count]) =>
                  `${name === 'unknown' ? 'not said' : name} ${formatShare(count / total)}`,
              )
              .join(' · '),
          ),
        ]
      : []),
  ]
}

function prefixLines({ prefix, cache, cached_token_share: cached }: Inspection): string[] {
  const told =
    cached === null
      ? []
      : [labelled('', `${formatShare(cached)} served from cache, the server said`)]
  if (prefix === null) return told
  return [
    labelled(
      'prefix',
      `${formatShare(prefix.token_prefix_hit_ratio)} of prompt tokens seen before (infinite cache) · ` +
        `${plural(prefix.unique_blocks, 'block')}, ${formatShare(prefix.blocks_used_once_frac, 0)} used once`,
    ),
    ...(prefix.reuse_gap_s
      ? [
          labelled(
            '',
            `used again after p50 ${formatDuration(prefix.reuse_gap_s.p50 * 1e6)}, ` +
              `p99 ${formatDuration(prefix.reuse_gap_s.p99 * 1e6)}`,
          ),
        ]
      : []),
    ...cacheLines(cache),
    ...told,
  ]
}

/** Which requests a figure of a bounded cache counts. */
export const WINDOW_WORDS = {
  all: 'all requests',
  'last-half': 'the last half of the requests',
} as const

function cacheLines(cache: Inspection['cache']): string[] {
  if (cache === null) return []
  const sizes = cache.sizes.map(
    ({ capacity_tokens: tokens, token_hit_rate: rate }) =>
      `${formatShare(rate)} with ${tokens === null ? 'an infinite cache' : formatCount(tokens)}`,
  )
  return [
    labelled(
      '',
      `${cache.rule} rule, blocks of ${formatCount(cache.block_tokens)}, ${WINDOW_WORDS[cache.window]}:`,
    ),
    ...sizes.map((text) => labelled('', `  ${text}`)),
  ]
}

/** `--drift`: each eighth of the trace against the first. */
export function formatDrift({ drift }: Inspection): string {
  if (drift.length === 0) return 'drift      too few requests to compare eighths of the trace\n'
  const head = ['from', 'requests', 'rate/s', 'prompt', 'output', 'PSI in', 'PSI out', 'CV']
  const rows = drift.map((part) => [
    formatDuration(part.from_s * 1e6),
    formatCount(part.requests),
    cell(part.rate),
    cell(part.prompt_p50),
    cell(part.output_p50),
    cell(part.prompt_psi, 2),
    cell(part.output_psi, 2),
    cell(part.iat_cv),
  ])
  const lines = [head, ...rows].map((cells) => cells.map((text) => text.padStart(10)).join(''))
  return `${lines.join('\n')}\nprompt, output: median tokens · PSI against the first part: below 0.1\nstable, above 0.25 moved\n`
}

function sessionLines({ sessions }: Inspection): string[] {
  if (sessions === null) return []
  const gap = sessions.intra_session_gap_s
  return [
    labelled(
      'sessions',
      joined([
        `${significant(sessions.turns.mean, 3)} turns on average, ${formatCount(sessions.turns.max)} at most`,
        `${formatShare(sessions.single_turn_frac, 0)} have one`,
        gap !== null && `${formatDuration(gap.p50 * 1e6)} from turn to turn (p50)`,
      ]),
    ),
  ]
}

const OUTCOME_WORDS: Readonly<Record<string, string>> = {
  client_abort: 'hung up',
  http_error: 'errors',
  stream_error: 'errors in the stream',
  truncated: 'cut off',
  upstream_reset: 'reset',
  timeout: 'timed out',
  unobserved_end: 'end not seen',
  not_sent: 'not sent',
  unknown: 'not said',
}

function outcomeLines(inspection: Inspection): string[] {
  const rows = Object.entries(inspection.outcomes)
  const total = inspection.arrivals.n
  if (total === 0 || (rows.length === 1 && rows[0]?.[0] === 'unknown')) return []
  const after = inspection.hung_up_after_tokens_p50
  return [
    labelled(
      'outcomes',
      rows
        .map(([name, count]) => {
          const place =
            name === 'client_abort' && after !== null
              ? ` (median after ${plural(after, 'token')})`
              : ''
          return `${formatShare(count / total)} ${OUTCOME_WORDS[name] ?? name}${place}`
        })
        .join(' · '),
    ),
  ]
}

function latencyLines({ latency }: Inspection): string[] {
  if (latency === null) return []
  const gaps = latency.inter_token_s
  const between = gaps
    ? `inter-token p50 ${formatDuration(gaps.p50 * 1e6)}, p99 ${formatDuration(gaps.p99 * 1e6)}`
    : spanOf('time per output token', latency.tpot_s)
  const text = joined([
    spanOf('TTFT', latency.ttft_s) || spanOf('end to end', latency.e2e_s),
    between,
  ])
  const where = { relay: 'at the relay', client: 'at the client', source: 'as the source says' }
  return [labelled('latency', `${text}   (${where[latency.measured_at]})`)]
}

const NO_END = 'no end mark: still being written, or its writer was killed'

/** For stderr, whatever is printed: figures of nothing would pass for those of an idle server. */
export function warningText({ is_complete, arrivals }: Inspection): string {
  return is_complete || arrivals.n > 0 ? '' : `no request can be read, and ${NO_END}\n`
}

function noteLines(inspection: Inspection): string[] {
  return [
    ...(inspection.gaps.count > 0
      ? [
          labelled(
            'missing',
            `${plural(inspection.gaps.missing_requests, 'request')} in ${plural(inspection.gaps.count, 'gap')} that could not be recorded`,
          ),
        ]
      : []),
    ...(inspection.is_complete ? [] : [labelled('note', NO_END)]),
    ...(inspection.interrupted ? [labelled('note', 'ended early by its user')] : []),
  ]
}

function spanOf(name: string, summary: Summary | null): string | false {
  return (
    summary !== null &&
    `${name} p50 ${formatDuration(summary.p50 * 1e6)}, p99 ${formatDuration(summary.p99 * 1e6)}`
  )
}

function cell(value: number | null, digits = 3): string {
  return value === null ? '–' : significant(value, digits)
}
