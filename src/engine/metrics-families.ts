/** Every family of `/metrics`: vLLM's names, words and buckets. Pure. */
import { counter, gauge, histogram, summary } from './exposition.ts'
import type { Profile } from './profile.ts'

const TOKEN_BOUNDS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000,
]
const STEP_BOUNDS = [1, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192, 16_384]
const FIRST_TOKEN_BOUNDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  160, 640, 2_560,
]
const TOKEN_TIME_BOUNDS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
]
const REQUEST_TIME_BOUNDS = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1_920, 7_680,
]
const FINE_HTTP_BOUNDS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30,
  60,
]
const COARSE_HTTP_BOUNDS = [0.1, 0.5, 1]

export type Families = ReturnType<typeof createFamilies>

/** Token buckets go as far as the context does. */
function tokenBounds(maxModelTokens: number): number[] {
  return TOKEN_BOUNDS.filter((bound) => bound <= maxModelTokens)
}

export function createFamilies(modelName: string, profile: Profile, hasPrefixCache: boolean) {
  const base = { engine: '0', model_name: modelName }
  const by = (name: string, values: readonly string[]) =>
    values.map((value) => ({ ...base, [name]: value }))
  const one = [base]
  const tokens = tokenBounds(profile.maxModelTokens)
  return {
    ...gaugesOf(base, by, profile, hasPrefixCache),
    ...counters(base, by),
    ...tokenHistograms(base, tokens),
    ...timeHistograms(base),
    preemptionsOfRequest: histogram(
      'vllm:request_num_preemptions',
      'Histogram of the number of times a request was preempted.',
      [1, 2, 3, 4, 5, 10, 20],
      one,
    ),
    prefillComputed: histogram(
      'vllm:request_prefill_kv_computed_tokens',
      'Histogram of new KV tokens computed during prefill (excluding cached tokens).',
      tokens,
      one,
    ),
    ...httpFamilies(),
  }
}

type Base = Readonly<Record<string, string>>
type By = (name: string, values: readonly string[]) => Base[]

function gaugesOf(base: Base, by: By, profile: Profile, hasPrefixCache: boolean) {
  return {
    running: gauge('vllm:num_requests_running', 'Number of requests in model execution batches.', [
      base,
    ]),
    waiting: gauge('vllm:num_requests_waiting', 'Number of requests waiting to be processed.', [
      base,
    ]),
    waitingByReason: gauge(
      'vllm:num_requests_waiting_by_reason',
      "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for scheduling capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV transfer, blocked status). Sum of all reasons equals vllm:num_requests_waiting.",
      by('reason', ['capacity', 'deferred']),
    ),
    cacheUsage: gauge('vllm:kv_cache_usage_perc', 'KV-cache usage. 1 means 100 percent usage.', [
      base,
    ]),
    cacheConfig: gauge('vllm:cache_config_info', 'Information of the LLMEngine CacheConfig', [
      {
        ...base,
        block_size: String(profile.blockTokens),
        enable_prefix_caching: hasPrefixCache ? 'True' : 'False',
        kv_cache_size_tokens: String(profile.blockCount * profile.blockTokens),
        num_gpu_blocks: String(profile.blockCount),
      },
    ]),
  }
}

function counters(base: Base, by: By) {
  const one = [base]
  return {
    prefixQueries: counter(
      'vllm:prefix_cache_queries_total',
      'Prefix cache queries, in terms of number of queried tokens.',
      one,
    ),
    prefixHits: counter(
      'vllm:prefix_cache_hits_total',
      'Prefix cache hits, in terms of number of cached tokens.',
      one,
    ),
    preemptions: counter(
      'vllm:num_preemptions_total',
      'Cumulative number of preemption from the engine.',
      one,
    ),
    promptTokens: counter('vllm:prompt_tokens_total', 'Number of prefill tokens processed.', one),
    promptTokensBySource: counter(
      'vllm:prompt_tokens_by_source_total',
      'Number of prompt tokens by source.',
      by('source', ['local_compute', 'local_cache_hit', 'external_kv_transfer']),
    ),
    promptTokensCached: counter(
      'vllm:prompt_tokens_cached_total',
      'Number of cached prompt tokens (local + external).',
      one,
    ),
    generationTokens: counter(
      'vllm:generation_tokens_total',
      'Number of generation tokens processed.',
      one,
    ),
    success: counter(
      'vllm:request_success_total',
      'Count of successfully processed requests.',
      by('finished_reason', ['stop', 'length', 'abort', 'error', 'repetition']),
    ),
    rejections: counter(
      'vllm:admission_rejections_total',
      'Number of admission attempts rejected by a queue limit, by reason.',
      ['max_num_queued_reqs', 'max_num_queued_tokens'].map((reason) => ({
        model_name: base['model_name'] ?? '',
        reason,
      })),
    ),
  }
}

function tokenHistograms(base: Base, tokens: readonly number[]) {
  const one = [base]
  return {
    promptTokensOfRequest: histogram(
      'vllm:request_prompt_tokens',
      'Number of prefill tokens processed.',
      tokens,
      one,
    ),
    generationTokensOfRequest: histogram(
      'vllm:request_generation_tokens',
      'Number of generation tokens processed.',
      tokens,
      one,
    ),
    stepTokens: histogram(
      'vllm:iteration_tokens_total',
      'Histogram of number of tokens per engine_step.',
      STEP_BOUNDS,
      one,
    ),
    maxGenerationTokens: histogram(
      'vllm:request_max_num_generation_tokens',
      'Histogram of maximum number of requested generation tokens.',
      tokens,
      one,
    ),
    paramsN: histogram(
      'vllm:request_params_n',
      'Histogram of the n request parameter.',
      [1, 2, 5, 10, 20],
      one,
    ),
    paramsMaxTokens: histogram(
      'vllm:request_params_max_tokens',
      'Histogram of the max_tokens request parameter.',
      tokens,
      one,
    ),
  }
}

function timeHistograms(base: Base) {
  const one = [base]
  const phase = (name: string, words: string) =>
    histogram(`vllm:${name}_seconds`, `Histogram of ${words}.`, REQUEST_TIME_BOUNDS, one)
  return {
    firstToken: histogram(
      'vllm:time_to_first_token_seconds',
      'Histogram of time to first token in seconds.',
      FIRST_TOKEN_BOUNDS,
      one,
    ),
    interToken: histogram(
      'vllm:inter_token_latency_seconds',
      'Histogram of inter-token latency in seconds.',
      TOKEN_TIME_BOUNDS,
      one,
    ),
    perOutputToken: histogram(
      'vllm:request_time_per_output_token_seconds',
      'Histogram of time_per_output_token_seconds per request.',
      TOKEN_TIME_BOUNDS,
      one,
    ),
    endToEnd: phase('e2e_request_latency', 'e2e request latency in seconds'),
    queueTimes: phase('request_queue_time', 'time spent in WAITING phase for request'),
    inferenceTimes: phase('request_inference_time', 'time spent in RUNNING phase for request'),
    prefillTimes: phase('request_prefill_time', 'time spent in PREFILL phase for request'),
    decodeTimes: phase('request_decode_time', 'time spent in DECODE phase for request'),
  }
}

function httpFamilies() {
  return {
    httpRequests: counter(
      'http_requests_total',
      'Total number of requests by method, status and handler.',
    ),
    httpRequestBytes: summary(
      'http_request_size_bytes',
      'Content length of incoming requests by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. ',
    ),
    httpResponseBytes: summary(
      'http_response_size_bytes',
      'Content length of outgoing responses by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. ',
    ),
    httpTimes: histogram(
      'http_request_duration_highr_seconds',
      'Latency with many buckets but no API specific labels. Made for more accurate percentile calculations. ',
      FINE_HTTP_BOUNDS,
      [{}],
    ),
    httpTimesByHandler: histogram(
      'http_request_duration_seconds',
      'Latency with only few buckets by handler. Made to be only used if aggregation by handler is important. ',
      COARSE_HTTP_BOUNDS,
    ),
  }
}
