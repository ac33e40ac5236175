/** Result files of other load generators, as replayed traces: vLLM, AIPerf, GuideLLM, inference-perf. Pure. */
import { encodeChunkTimes } from '../trace/chunk-times.ts'
import type { RequestRow } from '../trace/columns.ts'
import {
  asList,
  asRecord,
  firstToken,
  isRecord,
  optionalCount,
  optionalNumber,
  optionalId,
  optionalText,
  secondsUs,
  type JsonRecord,
} from './fields.ts'
import { hasKeys, showsKey } from './head.ts'
import {
  jsonLines,
  type DocumentImporter,
  type ImportContext,
  type LineImporter,
} from './importer.ts'
import { RowFault } from './row-fault.ts'
import { parseUnitUs } from './source-time.ts'

export const vllmBench: DocumentImporter = {
  name: 'vllm-bench',
  title: 'vllm bench serve result, with --save-detailed',
  unit: 'document',
  traceKind: 'replayed',
  recognises: (head) => showsKey(head, 'endpoint_type') && showsKey(head, 'total_input_tokens'),
  read(document, context) {
    const result = asRecord(document, 'the file')
    const list = (name: string) => asList(result[name] ?? [], name)
    const starts = list('start_times')
    if (starts.length === 0)
      throw new RowFault('no start_times: it was not run with --save-detailed')
    const columns = ['input_lens', 'output_lens', 'ttfts', 'itls', 'errors'].map(list)
    const model = optionalText(result['model_id'])
    for (const [index, start] of starts.entries()) {
      const [input, output, ttft, itl, error] = columns.map((column) => column[index])
      const startUs = secondsUs(optionalNumber(start, 'start_times'))
      if (startUs === null) throw new RowFault('start_times holds something else than numbers')
      const isFailed = typeof error === 'string' && error !== ''
      const times = isFailed ? {} : chunkCells(ttft, itl)
      context.sink.row(startUs, {
        model,
        stream: true,
        promptTokens: optionalCount(input, 'input_lens'),
        outputTokens: optionalCount(output, 'output_lens'),
        tokenSource: 'stream',
        lagUs: 0,
        outcome: isFailed ? 'http_error' : 'ok',
        ...times,
      })
    }
    context.note('start times are of a monotonic clock; due times are not in the file, so lag is 0')
  },
}

/** Times of the chunks: the first token, then each gap after the one before. */
function chunkCells(ttft: unknown, itl: unknown): Partial<RequestRow> {
  const ttftUs = secondsUs(optionalNumber(ttft, 'ttfts'))
  if (ttftUs === null || ttftUs === 0) return {}
  const times = [ttftUs]
  for (const gap of Array.isArray(itl) ? (itl as unknown[]) : []) {
    times.push((times.at(-1) ?? 0) + (secondsUs(optionalNumber(gap, 'itls')) ?? 0))
  }
  return { ttftUs, e2eUs: times.at(-1) ?? ttftUs, chunkTimes: encodeChunkTimes(times) }
}

export const aiperf: LineImporter = {
  name: 'aiperf',
  title: 'AIPerf profile_export.jsonl',
  unit: 'line',
  traceKind: 'replayed',
  recognises: ({ record }) =>
    hasKeys(record, 'metadata', 'metrics') &&
    isRecord(record?.['metadata']) &&
    hasKeys(record['metadata'], 'request_start_ns'),
  begin: (context) => jsonLines((record) => aiperfRow(record, context)),
}

function aiperfRow(record: JsonRecord, context: ImportContext): void {
  const metadata = asRecord(record['metadata'], 'metadata')
  if (metadata['benchmark_phase'] === 'warmup') {
    context.note('warm-up requests are left out')
    return
  }
  const metrics = isRecord(record['metrics']) ? record['metrics'] : {}
  const startNs = metadata['request_start_ns']
  const issuedNs = metadata['credit_issued_ns']
  const startUs = nsToUs(startNs)
  const issuedUs = nsToUs(issuedNs)
  if (startUs === null) throw new RowFault('request_start_ns is missing')
  const value = (name: string) => {
    const metric = metrics[name]
    return isRecord(metric) ? optionalNumber(metric['value'], name) : null
  }
  const count = (...names: readonly string[]) => {
    const found = names.map(value).find((number) => number !== null) ?? null
    return found === null ? null : Math.round(found)
  }
  const us = (name: string) => {
    const millis = value(name)
    return millis === null ? null : Math.round(millis * 1_000)
  }
  const isCancelled = metadata['was_cancelled'] === true
  const isFailed = isRecord(record['error'])
  const conversation = optionalId(metadata['conversation_id'])
  context.sink.row(issuedUs ?? startUs, {
    promptTokens: count('usage_prompt_tokens', 'input_sequence_length'),
    outputTokens: count('usage_completion_tokens', 'output_sequence_length'),
    reasoningTokens: count('reasoning_token_count'),
    cachedTokens: count('usage_prompt_cache_read_tokens'),
    maxTokens: count('requested_osl'),
    tokenSource: value('usage_prompt_tokens') === null ? 'tokenizer' : 'server',
    lagUs: issuedUs === null ? 0 : Math.max(0, startUs - issuedUs),
    ...firstToken(us('time_to_first_token')),
    e2eUs: us('request_latency'),
    outcome: isCancelled ? 'client_abort' : isFailed ? 'http_error' : 'ok',
    turn: optionalCount(metadata['turn_index'], 'turn_index'),
    ...(conversation === null ? {} : { session: context.label('session', conversation) }),
  })
  context.header.originWallUs = context.sink.originUs
}

/** Whole nanoseconds since 1970, which JSON gives as a bigint or, rounded, as a number. */
function nsToUs(value: unknown): number | null {
  const us = parseUnitUs(value, 'ns')
  return Number.isNaN(us) ? null : us
}

export const guidellm: DocumentImporter = {
  name: 'guidellm',
  title: 'GuideLLM benchmarks.json',
  unit: 'document',
  traceKind: 'replayed',
  recognises: (head) => showsKey(head, 'benchmarks') && showsKey(head, 'guidellm_version'),
  read(document, context) {
    const benchmarks = asList(asRecord(document, 'the file')['benchmarks'], 'benchmarks')
    if (benchmarks.length > 1) context.note('several benchmarks: their requests are all in here')
    for (const item of benchmarks) {
      const requests = asRecord(asRecord(item, 'a benchmark')['requests'], 'requests')
      for (const [group, outcome] of [
        ['successful', 'ok'],
        ['incomplete', 'client_abort'],
        ['errored', 'http_error'],
      ] as const) {
        const list = asList(requests[group] ?? [], group)
        list.forEach((request) => guidellmRow(asRecord(request, 'a request'), outcome, context))
      }
    }
    context.header.originWallUs = context.sink.originUs
  },
}

function guidellmRow(request: JsonRecord, outcome: string, context: ImportContext): void {
  const info = isRecord(request['info']) ? request['info'] : {}
  const timings = isRecord(info['timings']) ? info['timings'] : {}
  const us = (name: string) => secondsUs(optionalNumber(timings[name], name))
  const startUs = us('request_start') ?? us('resolve_start')
  const dueUs = us('targeted_start') ?? startUs
  if (startUs === null || dueUs === null) return
  const firstUs = us('first_token_iteration') ?? us('first_iteration')
  const endUs = us('last_token_iteration') ?? us('last_iteration') ?? us('request_end')
  const count = (metrics: string, own: string) => {
    const group = isRecord(request[metrics]) ? request[metrics] : {}
    return optionalCount(group['text_tokens'] ?? group['total_tokens'] ?? request[own], own)
  }
  context.sink.row(dueUs, {
    promptTokens: count('input_metrics', 'prompt_tokens'),
    outputTokens: count('output_metrics', 'output_tokens'),
    tokenSource: 'server',
    lagUs: Math.max(0, startUs - dueUs),
    ...firstToken(firstUs === null ? null : firstUs - startUs),
    e2eUs: endUs === null ? null : endUs - startUs,
    outcome,
  })
}

export const inferencePerf: DocumentImporter = {
  name: 'inference-perf',
  title: 'inference-perf per-request report',
  unit: 'document',
  traceKind: 'replayed',
  recognises: (head) =>
    /^\s*\[/.test(head.text) &&
    ['start_time', 'end_time', 'info'].every((name) => showsKey(head, name)),
  read(document, context) {
    for (const item of asList(document, 'the file')) {
      const entry = asRecord(item, 'an entry')
      const startUs = secondsUs(optionalNumber(entry['start_time'], 'start_time'))
      const endUs = secondsUs(optionalNumber(entry['end_time'], 'end_time'))
      if (startUs === null) {
        context.fault('start_time is missing')
        continue
      }
      context.sink.row(startUs, inferencePerfCells(entry, startUs, endUs))
    }
    context.note('the report has no scheduled times, so lag is 0')
  },
}

function inferencePerfCells(
  entry: JsonRecord,
  startUs: number,
  endUs: number | null,
): Partial<RequestRow> {
  const info = isRecord(entry['info']) ? entry['info'] : {}
  const computed = isRecord(entry['computed_metrics']) ? entry['computed_metrics'] : {}
  const times = Array.isArray(info['output_token_times'])
    ? (info['output_token_times'] as unknown[]).map((time) => secondsUs(Number(time)) ?? 0)
    : []
  const chunkTimes = times.map((us) => us - startUs)
  const isFailed = entry['error'] !== null && entry['error'] !== undefined
  const ttft = optionalNumber(computed['time_to_first_token'], 'time_to_first_token')
  const isTimed = chunkTimes.length > 0 && chunkTimes.every((us) => us >= 0)
  return {
    promptTokens: optionalCount(info['input_tokens'] ?? computed['input_tokens'], 'input_tokens'),
    outputTokens: optionalCount(
      info['output_tokens'] ?? computed['output_tokens'],
      'output_tokens',
    ),
    tokenSource: 'tokenizer',
    lagUs: 0,
    ...firstToken(chunkTimes[0] ?? secondsUs(ttft)),
    e2eUs: endUs === null ? null : endUs - startUs,
    outcome: isFailed ? 'http_error' : 'ok',
    ...(isTimed ? { chunkTimes: encodeChunkTimes(chunkTimes) } : {}),
  }
}
