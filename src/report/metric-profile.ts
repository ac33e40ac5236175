/** Other tools' own formulas on our rows, so that numbers can be laid side by side. Pure. */
import { TraceError } from '../base/errors.ts'
import { QuantileSketch } from '../stats/sketch.ts'
import { interChunkUs } from '../stream/latency.ts'
import { decodeChunkTimes } from '../trace/chunk-times.ts'
import type { RequestColumn } from '../trace/columns.ts'
import type { RequestBatch, TraceReader } from '../trace/trace.ts'
import type { Keep } from './side-watch.ts'

export const METRIC_PROFILES = ['vllm', 'aiperf', 'guidellm', 'inference-perf'] as const
export type ProfileName = (typeof METRIC_PROFILES)[number]

/** ms, as these tools print them. */
export type ProfileFigures = Readonly<{
  profile: ProfileName
  completed: number
  duration_s: number
  output_tokens_per_s: number | null
  metrics: Readonly<
    Record<
      string,
      Readonly<{
        n: number
        mean: number
        p50: number
        p90: number
        p95: number
        p99: number
        formula: string
      }>
    >
  >
}>

const PROFILE_COLUMNS = [
  'seq',
  'atUs',
  'endpoint',
  'lagUs',
  'uploadUs',
  'outcome',
  'outputTokens',
  'ttftUs',
  'firstContentUs',
  'e2eUs',
  'chunkTimes',
] as const satisfies readonly RequestColumn[]

type ProfileBatch = RequestBatch<(typeof PROFILE_COLUMNS)[number]>

/** One whole answer; times µs from the first byte written, which is where these tools start. */
type Answer = Readonly<{
  ttftUs: number
  contentUs: number
  e2eUs: number
  tokens: number
  gapsUs: Float64Array
  isChat: boolean
}>

type Formula = Readonly<{ formula: string; of: (answer: Answer) => ArrayLike<number> }>

const afterFirst = ({ e2eUs, ttftUs, tokens }: Answer) =>
  tokens > 1 ? [(e2eUs - ttftUs) / (tokens - 1)] : []

const TTFT: Formula = { formula: 't_1 − t_start', of: ({ ttftUs }) => [ttftUs] }
const E2E: Formula = { formula: 't_m − t_start', of: ({ e2eUs }) => [e2eUs] }
const GAPS: Formula = { formula: 't_k − t_(k−1), each event', of: ({ gapsUs }) => gapsUs }
const AFTER_FIRST: Formula = { formula: '(t_m − t_1) / (N − 1)', of: afterFirst }
/** In chat its first event, which only names the role, is one more gap of nothing. */
const GAPS_WITH_ROLE: Formula = {
  formula: "t_k − t_(k−1), each event; in chat the role's event too",
  of: ({ gapsUs, isChat }) => (isChat ? [0, ...gapsUs] : gapsUs),
}
const PER_TOKEN: Formula = {
  formula: '(t_m − t_start) / N',
  of: ({ e2eUs, tokens }) => (tokens > 0 ? [e2eUs / tokens] : []),
}

const PROFILES: Readonly<Record<ProfileName, Readonly<Record<string, Formula>>>> = {
  vllm: { ttft: TTFT, tpot: AFTER_FIRST, itl: GAPS_WITH_ROLE, e2el: E2E },
  aiperf: {
    time_to_first_token: TTFT,
    inter_token_latency: AFTER_FIRST,
    inter_chunk_latency: GAPS,
    request_latency: E2E,
  },
  guidellm: {
    time_to_first_token_ms: TTFT,
    time_to_first_output_token_ms: {
      formula: 'first event that is not reasoning − t_start',
      of: ({ contentUs }) => [contentUs],
    },
    inter_token_latency_ms: AFTER_FIRST,
    time_per_output_token_ms: PER_TOKEN,
    request_latency: E2E,
  },
  'inference-perf': {
    time_to_first_token: TTFT,
    inter_token_latency: GAPS,
    time_per_output_token: AFTER_FIRST,
    normalized_time_per_output_token: PER_TOKEN,
    request_latency: E2E,
  },
}

/** @throws TraceError BAD_OPTION */
export function parseProfile(text: string): ProfileName {
  const found = METRIC_PROFILES.find((name) => name === text)
  if (found) return found
  throw new TraceError(
    'BAD_OPTION',
    `--metric-profile wants one of ${METRIC_PROFILES.join(', ')}, got '${text}'`,
  )
}

/**
 * These tools count whole answers only, each from its first byte written.
 *
 * @param keep rows that count; all unless said
 */
export async function profileFigures(
  reader: TraceReader,
  profile: ProfileName,
  keep: Keep = () => true,
): Promise<ProfileFigures> {
  const formulas = Object.entries(PROFILES[profile]).map(([name, formula]) => ({
    name,
    ...formula,
    values: new QuantileSketch(),
  }))
  let [firstUs, lastUs, tokens, completed] = [Number.POSITIVE_INFINITY, 0, 0, 0]
  for await (const batch of reader.requests(PROFILE_COLUMNS)) {
    for (let row = 0; row < batch.rowCount; row += 1) {
      const answer = answerOf(batch, row)
      if (answer === null || !keep(batch.columns.atUs[row]!, batch.columns.seq[row]!)) continue
      const startUs = batch.columns.atUs[row]! + (batch.columns.lagUs[row]! || 0)
      firstUs = Math.min(firstUs, startUs)
      lastUs = Math.max(lastUs, startUs + answer.e2eUs)
      tokens += answer.tokens
      completed += 1
      for (const { of, values } of formulas) {
        const found = of(answer)
        for (let index = 0; index < found.length; index += 1) {
          if (!Number.isNaN(found[index]!)) values.add(found[index]!)
        }
      }
    }
  }
  const durationS = completed === 0 ? 0 : (lastUs - firstUs) / 1e6
  return {
    profile,
    completed,
    duration_s: durationS,
    output_tokens_per_s: durationS > 0 ? tokens / durationS : null,
    metrics: Object.fromEntries(
      formulas.flatMap(({ name, formula, values }) =>
        values.count === 0 ? [] : [[name, { ...figuresOf(values), formula }]],
      ),
    ),
  }
}

/** These tools start at the first byte written, so the upload is part of each latency. */
function answerOf({ columns }: ProfileBatch, row: number): Answer | null {
  const e2eUs = columns.e2eUs[row]!
  if (columns.outcome[row] !== 'ok' || Number.isNaN(e2eUs)) return null
  const uploadUs = columns.uploadUs[row]! || 0
  const packed = columns.chunkTimes[row]
  return {
    ttftUs: uploadUs + columns.ttftUs[row]!,
    contentUs: uploadUs + columns.firstContentUs[row]!,
    e2eUs: uploadUs + e2eUs,
    tokens: columns.outputTokens[row]! || 0,
    gapsUs: packed ? interChunkUs(decodeChunkTimes(packed)) : new Float64Array(),
    isChat: columns.endpoint[row] === 'chat' && packed !== null,
  }
}

function figuresOf(values: QuantileSketch) {
  const [p50 = 0, p90 = 0, p95 = 0, p99 = 0] = [0.5, 0.9, 0.95, 0.99].map(
    (q) => values.quantile(q) / 1_000,
  )
  return { n: values.count, mean: values.mean / 1_000, p50, p90, p95, p99 }
}
