import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { sequenceFor } from '../../src/base/random.ts'
import {
  autocorrelation,
  countsPerWindow,
  dispersionIndex,
  gapsOf,
} from '../../src/stats/arrivals.ts'
import { ksAgainst } from '../../src/stats/distance.ts'
import { describe } from '../../src/stats/moments.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { createTrace } from '../../src/trace/create.ts'
import { openTrace } from '../../src/trace/open.ts'
import { arrivals, parseProcess } from '../../src/workload/arrival-process.ts'
import { Fields } from '../../src/workload/config-fields.ts'
import { parseLaw, sampler } from '../../src/workload/law.ts'
import { loadFigures } from '../../src/workload/load-figures.ts'
import { parseSynthOptions, withOptions } from '../../src/workload/synth-options.ts'
import { readSynthSource } from '../../src/workload/synth-source.ts'
import { synthHeader, writeSynthetic } from '../../src/workload/synth-trace.ts'
import { planOfTrace } from './plan-of.ts'

// Many thousand rows: on a busy machine the default of 5 s is short.
vi.setConfig({ testTimeout: 60_000 })

const folder = mkdtempSync(join(tmpdir(), 'trace-synth-'))
afterAll(() => rmSync(folder, { recursive: true }))

const draws = (law: object, count = 100_000) => {
  const draw = sampler(parseLaw(law, 'law'), sequenceFor('7', JSON.stringify(law)))
  return Float64Array.from({ length: count }, draw)
}

test.each([
  [{ law: 'normal', mean: 100, sd: 20 }, 100, 20],
  [{ law: 'lognormal', mean: 100, sd: 150 }, 100, 150],
  [{ law: 'lognormal', p50: 100, sigma: 0.5 }, 100 * Math.exp(0.125), 60.4],
  [{ law: 'skewnormal', at: 100, scale: 50, skew: 0 }, 100, 50],
  // Azzalini: mean = at + scale · δ · √(2/π), variance = scale² (1 − 2δ²/π), δ = 5/√26.
  [{ law: 'skewnormal', at: 100, scale: 50, skew: 5 }, 139.12, 31.14],
  [{ law: 'gamma', mean: 100, cv: 2 }, 100, 200],
  [{ law: 'weibull', shape: 0.5, scale: 50 }, 100, 223.6],
  [{ law: 'exponential', mean: 100 }, 100, 100],
  [{ law: 'poisson', mean: 100 }, 100, 10],
  [{ law: 'uniform', from: 50, to: 150 }, 100, 28.87],
  [{ law: 'pareto', least: 60, alpha: 3 }, 90, 51.96],
  [{ law: 'empirical', values: [50, 150], weights: [3, 1] }, 75, 43.3],
] as const)('%o has the mean and the spread that it says', (law, mean, sd) => {
  const seen = describe(draws(law))
  expect(Math.abs(seen.mean / mean - 1)).toBeLessThan(0.03)
  expect(Math.abs(seen.sd / sd - 1)).toBeLessThan(0.08)
})

test('what is drawn is clipped, and mixtures take each part in its share', () => {
  const clipped = draws({ law: 'normal', mean: 0, sd: 100, min: -50, max: 50 })
  expect([Math.min(...clipped.slice(0, 5_000)), Math.max(...clipped.slice(0, 5_000))]).toEqual([
    -50, 50,
  ])
  const parts = [
    { weight: 1, law: 'fixed', value: 1 },
    { weight: 3, law: 'fixed', value: 2 },
  ]
  expect(Math.abs(describe(draws({ law: 'mixture', parts })).mean - 1.75)).toBeLessThan(0.01)
})

test.each([
  ['chat', 'wants names and values'],
  [{ law: 'zipf' }, 'wants one of'],
  [{ law: 'normal', mean: 1 }, 'sd is missing'],
  [{ law: 'normal', mean: -5, sd: 1 }, 'a number from 0 on'],
  [{ law: 'fixed', value: -5 }, 'a number from 0 on'],
  [{ law: 'normal', mean: 1, sd: 1, median: 3 }, 'median is not known'],
  [{ law: 'empirical', values: [1], weights: [1, 2] }, 'as many weights'],
  [{ law: 'mixture', parts: [] }, 'at least one law'],
  [{ law: 'fixed', value: 1, min: 3, max: 2 }, 'above max'],
])('law %o is refused with its place', (law, message) => {
  expect(() => parseLaw(law, 'file: input')).toThrow(message)
})

const instants = (process: object, durationSec: number) =>
  Float64Array.from(
    arrivals(parseProcess(new Fields(process, 'p')), durationSec, sequenceFor('7', 'arrivals')),
    (atSec) => atSec * 1e6,
  )

test('a Poisson process has independent exponential gaps', () => {
  const dueUs = instants({ process: 'poisson', rate: 20 }, 3_000)
  const gaps = gapsOf(dueUs)
  expect(Math.abs(dueUs.length / 60_000 - 1)).toBeLessThan(0.02)
  expect(ksAgainst(gaps.toSorted(), (gap) => 1 - Math.exp(-gap / 50_000))).toBeLessThan(0.01)
  expect(Math.abs(autocorrelation(gaps, 1))).toBeLessThan(0.02)
  for (const windowUs of [1e6, 10e6]) {
    expect(Math.abs(dispersionIndex(dueUs, windowUs) - 1)).toBeLessThan(0.2)
  }
})

test('gamma gaps are as bursty as their CV, and no burstier over time', () => {
  const dueUs = instants({ process: 'gamma', rate: 20, cv: 2 }, 3_000)
  expect(Math.abs(describe(gapsOf(dueUs)).cv - 2)).toBeLessThan(0.1)
  // A renewal process has an index of dispersion of CV² in the limit, and gaps without memory.
  expect(Math.abs(dispersionIndex(dueUs, 10e6) - 4)).toBeLessThan(0.8)
  expect(Math.abs(autocorrelation(gapsOf(dueUs), 1))).toBeLessThan(0.03)
})

test('Weibull gaps keep the rate that is asked for', () => {
  const dueUs = instants({ process: 'weibull', rate: 20, shape: 0.5 }, 5_000)
  expect(Math.abs(dueUs.length / 100_000 - 1)).toBeLessThan(0.03)
  expect(Math.abs(describe(gapsOf(dueUs)).cv - Math.sqrt(5))).toBeLessThan(0.15)
})

test('a modulated process has the dispersion of its formula at each time scale, and memory', () => {
  const [first, second] = [
    { rate: 5, stay_s: 20 },
    { rate: 50, stay_s: 5 },
  ]
  const dueUs = instants({ process: 'mmpp', states: [first, second] }, 60_000)
  const [r1, r2] = [1 / first.stay_s, 1 / second.stay_s]
  const s = r1 + r2
  const k =
    (2 * (first.rate - second.rate) ** 2 * r1 * r2) / (s * s * (first.rate * r2 + second.rate * r1))
  for (const windowSec of [1, 10, 60]) {
    const x = s * windowSec
    const expected = 1 + k * (1 - (1 - Math.exp(-x)) / x)
    expect(Math.abs(dispersionIndex(dueUs, windowSec * 1e6) / expected - 1)).toBeLessThan(0.12)
  }
  const memory = autocorrelation(countsPerWindow(dueUs, 1e6), 1)
  expect(memory).toBeGreaterThan(0.5)
})

test('on and off phases leave silences as long as they say', () => {
  const dueUs = instants({ process: 'onoff', rate: 10, on_s: 10, off_s: 30 }, 20_000)
  expect(Math.abs(dueUs.length / 50_000 - 1)).toBeLessThan(0.1)
  const silences = gapsOf(dueUs).filter((gapUs) => gapUs > 3e6)
  expect(Math.abs(describe(silences).mean / 33e6 - 1)).toBeLessThan(0.15)
})

test.each([
  { process: 'gamma', rate: 0.01, cv: 3 },
  { process: 'weibull', rate: 0.01, shape: 0.5 },
  { process: 'constant', rate: 0.003 },
])('many clients of few arrivals each keep their rate from the first second on: %o', (wanted) => {
  const process = parseProcess(new Fields(wanted, 'p'))
  const uniform = sequenceFor('7', 'many')
  const all = Array.from({ length: 20_000 }, () => arrivals(process, 200, uniform, false)).flat()
  const expected = 20_000 * 200 * wanted.rate
  expect(Math.abs(all.length / expected - 1)).toBeLessThan(0.05)
  // The first twentieth of the time brings a twentieth of the arrivals.
  const early = all.filter((atSec) => atSec < 10).length
  expect(Math.abs((20 * early) / expected - 1)).toBeLessThan(0.15)
})

test('a constant process is a beat', () => {
  expect([...instants({ process: 'constant', rate: 4 }, 1)]).toEqual([0, 250_000, 500_000, 750_000])
})

const CHAT = `
seed: 7
duration: 30m
classes:
  - name: chat
    model: llama
    clients: 5
    arrivals: {process: poisson, rate: 0.05}
    turns: {law: poisson, mean: 3, min: 1}
    think_s: {law: lognormal, p50: 7.2, sigma: 0.8}
    system_prompt: {tokens: 800, groups: 2}
    input: {law: lognormal, p50: 200, sigma: 1, max: 4000}
    output: {law: exponential, mean: 150, min: 1}
    hang_ups: {share: 0.2, after_tokens: {law: exponential, mean: 30}}
  - name: batch
    endpoint: completions
    stream: false
    priority: 5
    arrivals:
      - {process: at once, count: 50, for: 10m}
      - {process: at once, count: 20, for: 10m}
    pairs: [[4000, 100, 3], [9000, 10, 1]]
`

async function synth(text: string, flags: object = {}, name = 'config.yaml') {
  const path = join(folder, name)
  writeFileSync(path, text)
  return synthFrom(path, flags)
}

async function synthFrom(path: string, flags: object = {}) {
  const options = parseSynthOptions({ as: 'written', clients: '1x', ...flags })
  const model = withOptions(await readSynthSource(path, options), options)
  const out = join(folder, `${Math.random()}.arrow`)
  const writer = await createTrace(out, synthHeader(model))
  await writeSynthetic(model, writer)
  await writer.finish()
  const reader = await openTrace(out)
  const rows: Partial<RequestRow>[] = []
  const columns = [
    'seq',
    'atUs',
    'tenant',
    'session',
    'turn',
    'parentSeq',
    'promptTokens',
    'outputTokens',
    'maxTokens',
    'outcome',
    'endpoint',
    'model',
    'stream',
    'priority',
  ] as const
  for await (const { rowCount, columns: batch } of reader.requests(columns)) {
    for (let row = 0; row < rowCount; row += 1) {
      rows.push(Object.fromEntries(columns.map((column) => [column, batch[column][row]])))
    }
  }
  return { rows, reader, notes: model.notes }
}

test('a configuration becomes sessions, system prompts, hang-ups and batches', async () => {
  const { rows, reader } = await synth(CHAT)
  const chat = rows.filter(({ tenant }) => tenant === 'chat')
  const batch = rows.filter(({ tenant }) => tenant === 'batch')
  expect(batch.map(({ atUs }) => atUs)).toEqual([
    ...Array.from({ length: 50 }, () => 0),
    ...Array.from({ length: 20 }, () => 600e6),
  ])
  expect(
    new Set(batch.map(({ promptTokens, outputTokens }) => `${promptTokens} ${outputTokens}`)),
  ).toEqual(new Set(['4000 100', '9000 10']))
  expect(batch[0]).toMatchObject({ endpoint: 'completions', stream: 0, priority: 5 })
  expect(chat.length).toBeGreaterThan(600)
  expect(chat.every(({ promptTokens }) => promptTokens! >= 800)).toBe(true)
  const hungUp = chat.filter(({ outcome }) => outcome === 'client_abort')
  expect(Math.abs(hungUp.length / chat.length - 0.2)).toBeLessThan(0.05)
  expect(hungUp.every(({ outputTokens, maxTokens }) => outputTokens! < maxTokens!)).toBe(true)
  const plan = await planOfTrace(reader, { mode: 'session' })
  const { prefixShare } = loadFigures(plan.columns, plan.blocks, 16)
  expect(prefixShare).toBeGreaterThan(0.3)
  const think = [...plan.columns.thinkUs].filter((gapUs) => gapUs > 0).toSorted((a, b) => a - b)
  expect(Math.abs(think[Math.floor(think.length / 2)]! / 7.2e6 - 1)).toBeLessThan(0.15)
})

test('the same seed makes the same trace; more clients are added to those there were', async () => {
  const [first, again, other, more] = await Promise.all([
    synth(CHAT, {}, '1.yaml'),
    synth(CHAT, {}, '2.yaml'),
    synth(CHAT, { seed: '8' }, '3.yaml'),
    synth(CHAT, { clients: '2x' }, '4.yaml'),
  ])
  expect(again.reader.header.rowDigest).toBe(first.reader.header.rowDigest)
  expect(other.reader.header.rowDigest).not.toBe(first.reader.header.rowDigest)
  const key = ({ atUs, tenant, promptTokens }: Partial<RequestRow>) =>
    `${atUs} ${tenant} ${promptTokens}`
  const keys = new Set(more.rows.map(key))
  expect(first.rows.every((row) => keys.has(key(row)))).toBe(true)
  expect(Math.abs(more.rows.length / first.rows.length - 2)).toBeLessThan(0.3)
})

test('a curve over the day moves the rate', async () => {
  const { rows } = await synth(`
duration: 2h
classes:
  - name: day
    arrivals: {process: poisson, rate: 1}
    rate_curve: [[0, 0.5], [1h, 0.5], [1h, 2], [2h, 2]]
    input: 10
    output: 10
`)
  const early = rows.filter(({ atUs }) => atUs! < 3.6e9).length
  expect(Math.abs(early / 1_800 - 1)).toBeLessThan(0.1)
  expect(Math.abs((rows.length - early) / 7_200 - 1)).toBeLessThan(0.1)
})

test.each([
  ['duration: 10m\nclasses: []\n', 'at least one class'],
  [
    'duration: 1s\nclasses: [{name: a, arrivals: {process: poisson, rate: 1}, inptu: 1}]\n',
    'input is missing: a number, or a law',
  ],
  ['duration: 10m\nclases: []\n', 'clases is not known'],
  ['duration: 10\nclasses: []\n', 'duration wants a duration'],
  [
    'duration: 1s\nclasses: [{name: a, arrivals: {process: walk}, input: 1}]\n',
    'process wants one of',
  ],
  [
    'duration: 1s\nclasses: [{name: a, arrivals: {process: poisson}, input: 1}]\n',
    'rate is missing: a number',
  ],
  ['a: [1\n', 'not valid YAML'],
])('a faulty configuration is refused with its place', async (text, message) => {
  await expect(synth(text)).rejects.toThrow(message)
})

const SCENARIO = `
apiVersion: v1
kind: ConfigMap
metadata:
  name: inference-perf-config
data:
  config.yml: |
    api: {type: chat, streaming: true}
    data:
      type: synthetic
      input_distribution: {mean: 1024, std: 512, min: 128, max: 4096}
      output_distribution: {mean: 512, std: 256, min: 50, max: 2048}
    load:
      type: poisson
      stages: [{rate: 15, duration: 600}]
      num_workers: 8
    server: {type: vllm, model_name: m, base_url: "http://vllm:8000", ignore_eos: true, api_key: sk-1234}
    tokenizer: {token: hf_5678}
    storage: {simple_storage_service: {bucket_name: b, path: "production-sim/{timestamp}"}}
    typo: 1
---
apiVersion: batch/v1
kind: Job
metadata: {name: perf}
`

test('the production scenario of inference-perf is read as it is, inside its ConfigMap', async () => {
  const { rows, notes } = await synth(SCENARIO)
  expect(Math.abs(rows.length - 9_000)).toBeLessThan(300)
  expect(rows.at(-1)!.atUs).toBeLessThan(600e6)
  expect(rows[0]).toMatchObject({ endpoint: 'chat', stream: 1, model: 'm' })
  const input = describe(Float64Array.from(rows, ({ promptTokens }) => promptTokens!))
  expect([input.min, input.max].every((tokens) => tokens >= 128 && tokens <= 4_096)).toBe(true)
  expect(Math.abs(input.sd - 480)).toBeLessThan(25)
  expect(notes.join('\n')).toMatch(/typo: unknown/)
  expect(notes.join('\n')).toMatch(/std 512 is used/)
  expect(notes.join('\n')).toMatch(/load\.num_workers: no effect/)
  expect(notes.join('\n')).not.toMatch(/sk-1234|hf_5678/)
})

test('as executed, std is 200, counts are exact, seconds end with a request, prompts share a text', async () => {
  const { rows, reader, notes } = await synth(SCENARIO, { as: 'executed' })
  expect(rows).toHaveLength(9_000)
  const input = describe(Float64Array.from(rows, ({ promptTokens }) => promptTokens!))
  expect(Math.abs(input.sd - 200)).toBeLessThan(10)
  const onSecond = rows.filter(({ atUs }) => atUs! % 1e6 === 0).length
  expect(onSecond).toBeGreaterThan(590)
  const plan = await planOfTrace(reader)
  expect(loadFigures(plan.columns, plan.blocks, 16).prefixShare).toBeGreaterThan(0.95)
  expect(notes.join('\n')).toMatch(/std 512 has no effect/)
})

const PERF = (data: string, load: string) => `data: {${data}}\nload: {${load}}\n`
const SYNTHETIC =
  'type: random, input_distribution: {}, output_distribution: {type: fixed, mean: 7}'

test('stages follow each other with their interval, a constant rate is a beat', async () => {
  const { rows } = await synth(
    PERF(SYNTHETIC, 'interval: 2, stages: [{rate: 1, duration: 3}, {rate: 2, duration: 2}]'),
  )
  expect(rows.map(({ atUs }) => atUs! / 1e6)).toEqual([0, 1, 2, 5, 5.5, 6, 6.5])
  expect(rows.every(({ outputTokens }) => outputTokens === 7)).toBe(true)
})

test('shared prefixes, conversations, adapters and concurrency of later versions are read', async () => {
  const shared =
    'type: shared_prefix, shared_prefix: {num_unique_system_prompts: 2, num_users_per_system_prompt: 3, system_prompt_len: 160, question_len: 32, output_len: 5}'
  const prefixes = await synth(PERF(shared, 'stages: [{rate: 10, duration: 20}]'))
  expect(new Set(prefixes.rows.map(({ promptTokens }) => promptTokens))).toEqual(new Set([192]))
  const plan = await planOfTrace(prefixes.reader)
  expect(plan.blocks.id).toHaveLength(2 + 6)
  const split = await synth(
    PERF(
      SYNTHETIC,
      'stages: [{rate: 100, duration: 10}], lora_traffic_split: [{name: a, split: 0.3}, {name: b, split: 0.7}]',
    ),
  )
  expect(split.rows.filter(({ model }) => model === 'a')).toHaveLength(300)
  const closed = await synth(
    PERF(SYNTHETIC, 'type: concurrent, stages: [{num_requests: 40, concurrency_level: 8}]'),
  )
  expect(closed.rows).toHaveLength(40)
  expect(closed.notes.join('\n')).toMatch(/--mode closed=8/)
  const talks = await synth(
    PERF(
      'type: conversation_replay, conversation_replay: {shared_system_prompt_len: 64, turns_per_conversation: {type: fixed, mean: 3, min: 1}}',
      'type: trace_session_replay, stages: [{concurrent_sessions: 4, num_sessions: 9}]',
    ),
  )
  expect(talks.rows).toHaveLength(27)
})

test('a sweep goes up to what the server is said to bear, in even or in ever shorter steps', async () => {
  const sweep = (type: string) =>
    PERF(SYNTHETIC, `interval: 0, sweep: {type: ${type}, num_stages: 3, stage_duration: 100}`)
  const ratesOf = async (text: string) => {
    const { rows } = await synth(text, { saturation: '9' })
    const counts = [0, 0, 0]
    for (const { atUs } of rows) counts[Math.floor(atUs! / 100e6)]! += 1
    return counts.map((count) => count / 100)
  }
  expect(await ratesOf(sweep('linear'))).toEqual([1, 5, 9])
  expect(await ratesOf(sweep('geometric'))).toEqual([1, 7, 9])
})

test('mock data is what that tool sends: a word, and thirty tokens back', async () => {
  const { rows } = await synth('api: {type: chat}\nload: {stages: [{rate: 2, duration: 5}]}\n')
  expect(rows.map(({ promptTokens, maxTokens }) => [promptTokens, maxTokens])).toEqual(
    Array.from({ length: 10 }, () => [3, 30]),
  )
})

/** The keys of v0.2.0 to v0.7.0, each with a value; what belongs to other kinds of data or load, too. */
const EVERY_KEY = `
api: {type: completion, streaming: true, headers: {a: b}, slo_unit: s, slo_tpot_header: h, slo_ttft_header: h,
  response_format: {type: json_object, name: n, json_schema: {a: 1}}, session_id_header_key: k, session_token_header_key: k}
data:
  type: synthetic
  path: p
  corpus_file_path: p
  use_chat_template: false
  input_distribution: &law {min: 10, max: 1024, mean: 512, std_dev: 200, total_count: 5, type: normal, variance: 1, skew: 0}
  output_distribution: *law
  shared_prefix: {num_groups: 1, num_unique_system_prompts: 1, num_prompts_per_group: 1, num_users_per_system_prompt: 1,
    system_prompt_len: 1, question_len: *law, output_len: 1, seed: 1, question_distribution: *law, output_distribution: *law,
    enable_multi_turn_chat: true, multimodal: {image: {count: *law}}}
  multimodal: &media {image: {count: *law, insertion_point: 0.5, resolutions: [{resolution: 4k, weight: 1}], representation: png},
    video: {count: *law, profiles: [{profile: {resolution: 4k, frames: 3}, weight: 1}]}, audio: {durations: [{duration: 1}]}}
  trace: {file: f, format: AzurePublicDataset}
  otel_trace_replay: {max_wait_ms: 1, trace_files: [a], tool_choice_mode: as_recorded}
  weka_trace_replay: {default_block_size: 64, filter: x, datagen_workers: 1, bad_tool_call_handling: none}
  conversation_replay: {seed: 42, num_conversations: 200, shared_system_prompt_len: 1, dynamic_system_prompt_len: *law,
    turns_per_conversation: *law, input_tokens_per_turn: *law, output_tokens_per_turn: *law, tool_call_latency_sec: *law,
    max_model_len: 1}
  visionarena: {num_rows: 1}
  synthetic_agentic: {num_sessions: 1, context_compaction: {trigger_tokens: *law}}
load:
  type: constant
  interval: 1
  base_seed: 7
  num_workers: 1
  worker_max_concurrency: 1
  worker_max_tcp_connections: 1
  trace: {file: f, format: AzurePublicDataset}
  circuit_breakers: [a]
  request_timeout: 1
  request_retries: 1
  request_retry_backoff_sec: 1
  stage_teardown_grace_seconds: 1
  lora_traffic_split: [{name: a, split: 1}]
  stages: [{rate: 1, duration: 5, num_requests: 1, concurrency_level: 1, concurrent_sessions: 1, session_rate: 1,
    num_sessions: 1, timeout: 1}]
metrics: {type: prometheus, prometheus: {scrape_interval: 15, url: u, filters: [a], google_managed: false}}
report: {request_lifecycle: {summary: true, percentiles: [1], per_request_fields: {request: true}}, goodput: {constraints: {ttft: 1}}}
storage: {local_storage: {path: p}, google_cloud_storage: {bucket_name: b}, simple_storage_service: {bucket_name: b, endpoint_url: u}}
server: {type: vllm, model_name: m, base_url: u, ignore_eos: true, api_key: k, cert_path: p, key_path: p}
tokenizer: {pretrained_model_name_or_path: p, trust_remote_code: true, token: t, load_timeout: 300}
circuit_breakers: [{name: a, metrics: {x: 1}}]
`

test('each key of inference-perf is read, or named as without effect; what it does not know is called unknown', async () => {
  const { notes } = await synth(EVERY_KEY)
  expect(notes.filter((note) => note.includes('unknown'))).toEqual([])
  const named = notes.map((note) => note.split(':')[0]!)
  for (const path of [
    'load.stages.0.timeout',
    'data.input_distribution.skew',
    'data.shared_prefix.question_len.mean',
    'data.shared_prefix.num_groups',
    'data.multimodal.video.profiles.0.profile.frames',
    'data.conversation_replay.seed',
    'load.trace',
    'report',
    'storage',
    'server.base_url',
  ]) {
    expect.soft(named).toContain(path)
  }
  for (const path of ['load.stages.0.rate', 'data.input_distribution.mean', 'load.base_seed']) {
    expect.soft(named).not.toContain(path)
  }
  const typo = EVERY_KEY.replace('num_groups', 'num_grups').replace('session_rate', 'session_rat')
  expect((await synth(typo)).notes.filter((note) => note.includes('unknown'))).toEqual([
    expect.stringMatching(/^data\.shared_prefix\.num_grups: unknown/),
    expect.stringMatching(/^load\.stages\.0\.session_rat: unknown/),
  ])
})

test.each([
  [PERF('type: shareGPT', 'stages: [{rate: 1, duration: 1}]'), 'data set'],
  [PERF(SYNTHETIC, 'sweep: {type: linear}, stages: []'), 'sweep'],
  [PERF(SYNTHETIC, 'type: trace_replay, stages: [{rate: 1, duration: 1}]'), 'replays a data set'],
  [
    PERF(SYNTHETIC, 'type: gaussian, stages: [{rate: 1, duration: 1}]'),
    "load.type 'gaussian' is not known",
  ],
  [
    'load: {type: constant, stages: [{rate: 1, duration: 1}]}\ndata: {type: random}\n',
    'is missing',
  ],
  [PERF(SYNTHETIC, 'stages: []'), 'at least one stage'],
])(
  'what inference-perf needs a server or a data set for is refused with a way out',
  async (text, message) => {
    await expect(synth(text)).rejects.toThrow(message)
  },
)

const POOL = '../shared/traces/servegen/deepseek-r1'

test.skipIf(!existsSync(POOL))(
  'a ServeGen pool keeps the rates of its clients (needs ../shared)',
  async () => {
    const { rows } = await synthFrom(POOL, { duration: '1h' })
    const wanted = readFileSync(join(POOL, 'chunk-1-trace.csv'), 'utf8')
      .split('\n')
      .slice(0, 6)
      .reduce((sum, line) => sum + 600 * Number(line.split(',')[1]), 0)
    const seen = rows.filter(({ tenant }) => tenant === 'chunk-1').length
    expect(Math.abs(seen / wanted - 1)).toBeLessThan(0.15)
    expect(new Set(rows.map(({ tenant }) => tenant)).size).toBeGreaterThan(3)
    await expect(synthFrom(POOL, { as: 'executed' })).rejects.toThrow('inference-perf')
  },
)
