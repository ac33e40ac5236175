import { expect, test } from 'vitest'
import { buildReport } from '../../src/report/report.ts'
import { atMost } from '../../src/report/finding.ts'
import { formatReport } from '../../src/report/report-text.ts'
import type { CheckName } from '../../src/report/verdict.ts'
import type { RequestRow, SampleRow } from '../../src/trace/columns.ts'
import { FAULT_CHECKS, FAULT_NAMES } from '../support/engine-faults.ts'
import { engineRun } from '../support/engine-run.ts'
import { unsavedTrace, type UnsavedTrace } from '../support/unsaved-trace.ts'

const COUNT = 400

/** A replay with nothing wrong: 20 requests a second, each sent 50 µs after it was due. */
function goodRows(change: (index: number) => Partial<RequestRow> = () => ({})) {
  return Array.from({ length: COUNT }, (_, index): Partial<RequestRow> => ({
    atUs: index * 50_000 + 1_000,
    sourceSeq: index,
    lagUs: 50,
    uploadUs: 20,
    connectUs: 100,
    connection: 'new',
    stream: true,
    status: 200,
    outcome: 'ok',
    tokenSource: 'server',
    promptTokens: 100,
    outputTokens: 10,
    // A fixed pattern without any trend; neighbours look independent.
    ttftUs: 100_000 + ((index * 7_919) % 1_009) * 10,
    e2eUs: 200_000 + ((index * 7_919) % 1_009) * 10,
    ...change(index),
  }))
}

/** The same with a server that tells of each request how long it queued and prefilled. */
function toldRows(prefillUs: (index: number) => number) {
  return goodRows((index) => ({ serverQueueUs: 500, serverTtftUs: prefillUs(index) }))
}

const DELIVERY = {
  planned: COUNT,
  sent: COUNT,
  dropped: 0,
  promptExact: COUNT,
  promptOff: 0,
  promptTokens: 0,
  promptTokensOff: 0,
  outputTokens: 0,
  outputTokensOff: 0,
  outputExact: COUNT,
  outputOff: 0,
  hungUp: 0,
  hangUpMissed: 0,
  structured: 0,
}

function delivered(change: Partial<typeof DELIVERY> = {}) {
  return [{ atUs: 0, kind: 'fidelity', detail: JSON.stringify({ ...DELIVERY, ...change }) }]
}

/** Two scrapes of a server; each family rises by what the run did, or by what `change` says. */
function serverSamples(change: Record<string, number> = {}): SampleRow[] {
  const rises: Record<string, number> = {
    'vllm:request_success_total': COUNT,
    http_requests_total: COUNT,
    'vllm:prompt_tokens_total': COUNT * 100,
    'vllm:generation_tokens_total': COUNT * 10,
    'vllm:time_to_first_token_seconds_sum': COUNT * 0.104,
    'vllm:time_to_first_token_seconds_count': COUNT,
    ...change,
  }
  const labels = JSON.stringify({ handler: '/v1/completions', method: 'POST' })
  return Object.entries(rises).flatMap(([metric, rise]) => [
    { atUs: 0, metric, labels, value: 1_000 },
    { atUs: 30_000_000, metric, labels, value: 1_000 + rise },
  ])
}

const CLIENT: Record<string, number> = {
  'trace:client_cpu_share': 0.2,
  'trace:throttled_count': 0,
  'trace:loop_delay_p99_us': 900,
  'trace:loop_utilization': 0.2,
  'trace:gc_pause_max_us': 2_000,
  'trace:clock_step_us': 3,
}

function clientSamples(change: Record<string, number> = {}): SampleRow[] {
  const before = [{ atUs: 0, metric: 'trace:throttled_count', labels: null, value: 0 }]
  return [
    ...before,
    ...Object.entries({ ...CLIENT, ...change }).map(([metric, value]) => ({
      atUs: 1_000_000,
      metric,
      labels: null,
      value,
    })),
  ]
}

function good(change: Partial<UnsavedTrace> = {}): UnsavedTrace {
  return {
    kind: 'replayed',
    requests: goodRows(),
    events: delivered(),
    samples: [...serverSamples(), ...clientSamples()],
    ...change,
  }
}

/** A prober that asks once a second; its TTFT is the load's median and a little noise. */
function probed(offUs: number, answered = 20): SampleRow[] {
  const rows = Array.from({ length: 20 }, (_, second) => ({
    atUs: second * 1_000_000,
    value: 105_000 + ((second * 31) % 11) * 300 + offUs,
  }))
  return rows.flatMap(({ atUs, value }, index) => {
    const row = (name: string, of: number) => ({
      atUs,
      metric: `trace:probe_${name}`,
      labels: null,
      value: of,
    })
    if (index >= answered) return [row('sent', 1)]
    return [
      row('sent', 1),
      row('ttft_us', value),
      row('prompt_tokens', 100),
      row('output_tokens', 2),
    ]
  })
}

/** The server counts the prober's requests too. */
function withProber(offUs: number, answered = 20): Partial<UnsavedTrace> {
  const counts = {
    'vllm:request_success_total': COUNT + answered,
    http_requests_total: COUNT + 20,
    'vllm:prompt_tokens_total': COUNT * 100 + answered * 100,
    'vllm:generation_tokens_total': COUNT * 10 + answered * 2,
  }
  return { samples: [...serverSamples(counts), ...clientSamples(), ...probed(offUs, answered)] }
}

test('a prober that agrees leaves the run VALID, and its own requests are no foreign load', async () => {
  expect(await verdictOf(good(withProber(0)))).toEqual({ status: 'VALID', warned: [], failed: [] })
})

async function verdictOf(trace: UnsavedTrace) {
  const { verdict } = await buildReport(unsavedTrace(trace), null)
  const named = (wanted: string) =>
    verdict.checks.filter(({ status }) => status === wanted).map(({ name }) => name)
  return { status: verdict.status, warned: named('warn'), failed: named('fail') }
}

test('a good run is VALID: every check that can look is silent', async () => {
  const { verdict } = await buildReport(unsavedTrace(good()), null)
  expect(verdict.status).toBe('VALID')
  expect(verdict.checks.filter(({ status }) => status !== 'pass').map(({ name }) => name)).toEqual([
    'hang_ups', // none were planned
    'probe', // none ran
  ])
})

/** What is done to the good run, the check that must notice, and how badly it must take it. */
const FAULTS: readonly [string, Partial<UnsavedTrace>, CheckName, 'SUSPECT' | 'INVALID'][] = [
  ['a load that sees twice what a prober sees', withProber(-60_000), 'probe', 'SUSPECT'],
  ['a load that sees a fraction of what a prober sees', withProber(400_000), 'probe', 'INVALID'],
  ['a prober that gets no answers', withProber(0, 5), 'probe', 'SUSPECT'],
  ['all sends 2 ms late', { requests: goodRows(() => ({ lagUs: 2_000 })) }, 'lag', 'SUSPECT'],
  ['all sends 20 ms late', { requests: goodRows(() => ({ lagUs: 20_000 })) }, 'lag', 'INVALID'],
  [
    'one send in fifty 30 ms late',
    { requests: goodRows((index) => (index % 50 === 7 ? { lagUs: 30_000 } : {})) },
    'lag',
    'SUSPECT',
  ],
  [
    'sends before they were due',
    { requests: goodRows(() => ({ lagUs: -400 })) },
    'early_sends',
    'SUSPECT',
  ],
  [
    'sends that slip into the next second',
    { requests: goodRows((index) => (index % 20 === 19 ? { lagUs: 60_000 } : {})) },
    'rate',
    'SUSPECT',
  ],
  [
    'sends bunched in pairs',
    { requests: goodRows((index) => (index % 2 === 0 ? { lagUs: 48_000 } : {})) },
    'arrivals',
    'INVALID',
  ],
  ['requests left unsent', { events: delivered({ dropped: 9 }) }, 'dropped', 'INVALID'],
  [
    'wrong answer sizes',
    { events: delivered({ outputExact: 380, outputOff: 20 }) },
    'tokens',
    'SUSPECT',
  ],
  [
    'wrong prompt sizes',
    { events: delivered({ promptExact: 300, promptOff: 100 }) },
    'tokens',
    'INVALID',
  ],
  [
    'prompts that a tokenizer of its own counts a little larger',
    { events: delivered({ promptOff: 400, promptTokens: 40_000, promptTokensOff: 1_200 }) },
    'tokens',
    'SUSPECT',
  ],
  [
    'prompts that are half as large again',
    { events: delivered({ promptOff: 400, promptTokens: 40_000, promptTokensOff: 20_000 }) },
    'tokens',
    'INVALID',
  ],
  [
    'one answer in twenty failed',
    {
      requests: goodRows((index) =>
        index % 20 === 0 ? { outcome: 'http_error', status: 503 } : {},
      ),
    },
    'errors',
    'SUSPECT',
  ],
  [
    'uncounted answers',
    { requests: goodRows(() => ({ tokenSource: null })) },
    'counting',
    'SUSPECT',
  ],
  [
    'answers that a server sends without usage',
    { requests: goodRows(() => ({ tokenSource: 'stream' })) },
    'counting',
    'SUSPECT',
  ],
  [
    'hang-ups that came late',
    { events: delivered({ hungUp: 5, hangUpMissed: 5 }) },
    'hang_ups',
    'SUSPECT',
  ],
  [
    'too few answers',
    { requests: goodRows().slice(0, 4), samples: clientSamples() },
    'samples',
    'SUSPECT',
  ],
  [
    'a server that falls behind',
    { requests: goodRows((index) => ({ ttftUs: index * 40_000, e2eUs: index * 41_000 })) },
    'stationarity',
    'SUSPECT',
  ],
  ['a file without its end', { isComplete: false }, 'complete', 'INVALID'],
  ['a run that was ended early', { header: { interrupted: true } }, 'complete', 'SUSPECT'],
  [
    'a starved client',
    { samples: clientSamples({ 'trace:client_cpu_share': 0.99 }) },
    'cpu',
    'INVALID',
  ],
  [
    'a throttled client',
    { samples: clientSamples({ 'trace:throttled_count': 3 }) },
    'throttling',
    'SUSPECT',
  ],
  [
    'a stalled event loop',
    { samples: clientSamples({ 'trace:loop_delay_p99_us': 40_000 }) },
    'loop_delay',
    'SUSPECT',
  ],
  [
    'a busy event loop',
    { samples: clientSamples({ 'trace:loop_utilization': 0.9 }) },
    'loop_use',
    'SUSPECT',
  ],
  [
    'a long garbage collection',
    { samples: clientSamples({ 'trace:gc_pause_max_us': 50_000 }) },
    'garbage',
    'SUSPECT',
  ],
  [
    'a clock step',
    { samples: clientSamples({ 'trace:clock_step_us': -90_000 }) },
    'clock',
    'SUSPECT',
  ],
  ['slow connecting', { requests: goodRows(() => ({ connectUs: 30_000 })) }, 'connect', 'SUSPECT'],
  [
    'foreign load',
    { samples: serverSamples({ http_requests_total: COUNT + 10 }) },
    'foreign_load',
    'SUSPECT',
  ],
  [
    'requests that never arrived',
    { samples: serverSamples({ http_requests_total: COUNT - 9 }) },
    'foreign_load',
    'SUSPECT',
  ],
  [
    'answers that the server did not finish',
    { samples: serverSamples({ 'vllm:request_success_total': COUNT - 9 }) },
    'server_completed',
    'SUSPECT',
  ],
  [
    'more answers than ours',
    { samples: serverSamples({ 'vllm:request_success_total': 2 * COUNT }) },
    'server_completed',
    'INVALID',
  ],
  [
    'a restarted server',
    { samples: serverSamples({ 'vllm:generation_tokens_total': -900 }) },
    'server_restart',
    'INVALID',
  ],
  [
    'tokens we did not see',
    { samples: serverSamples({ 'vllm:generation_tokens_total': COUNT * 12 }) },
    'server_generated',
    'INVALID',
  ],
  [
    'prompts that we did not send',
    { samples: serverSamples({ 'vllm:prompt_tokens_total': COUNT * 101 }) },
    'server_prompts',
    'SUSPECT',
  ],
  [
    "a TTFT below the server's own",
    { samples: serverSamples({ 'vllm:time_to_first_token_seconds_sum': COUNT * 0.2 }) },
    'server_ttft',
    'SUSPECT',
  ],
  [
    "a TTFT far above the server's",
    { samples: serverSamples({ 'vllm:time_to_first_token_seconds_sum': COUNT * 0.02 }) },
    'server_ttft',
    'SUSPECT',
  ],
  [
    'requests that something between us and the scheduler kept',
    { requests: toldRows((index) => (index % 40 === 0 ? 40_000 : 99_000)) },
    'server_ttft',
    'SUSPECT',
  ],
  [
    "requests whose first token is here before the server's",
    { requests: toldRows((index) => (index % 40 === 0 ? 140_000 : 99_000)) },
    'server_ttft',
    'SUSPECT',
  ],
  [
    'guesses that depend on words',
    { samples: serverSamples({ 'vllm:spec_decode_num_draft_tokens_total': COUNT * 4 }) },
    'speculation',
    'SUSPECT',
  ],
  [
    'answers that were bound to a grammar',
    { events: delivered({ structured: COUNT / 10 }) },
    'structured',
    'SUSPECT',
  ],
  [
    'slow readers',
    {
      requests: goodRows((index) =>
        index % 10 === 0 ? { stallUs: 5_000, chunkTimes: Uint8Array.of(2, 2) } : {},
      ),
    },
    'stalls',
    'SUSPECT',
  ],
]

/** Not a number beyond another: a file cut off, a server that restarted, too few answers, a probe that fell silent. */
const TELLS_ITSELF: ReadonlySet<CheckName> = new Set(['complete', 'server_restart', 'samples'])

test.each(FAULTS)('%s is noticed', async (_name, change, check, status) => {
  const verdict = await verdictOf(good(change))
  expect(status === 'INVALID' ? verdict.failed : verdict.warned).toContain(check)
  expect(verdict.status).toBe(status)
})

test('every check but the quiet ones has a fault that fires it', async () => {
  const { verdict } = await buildReport(unsavedTrace(good()), null)
  const fired = new Set(FAULTS.map(([, , check]) => check))
  expect(verdict.checks.map(({ name }) => name).filter((name) => !fired.has(name))).toEqual([])
})

test.each(FAULTS.filter(([, , check]) => !TELLS_ITSELF.has(check)))(
  '%s is told with the limit that it broke',
  async (_name, change, check) => {
    const { verdict } = await buildReport(unsavedTrace(good(change)), null)
    const { says } = verdict.checks.find(({ name }) => name === check)!
    expect(says).toMatch(/limit \d/)
  },
)

test('a limit is told in its unit, and of the number that it is of', () => {
  expect(atMost(269_000, { warnAbove: 5_000 }, 'us', 'lag p50 1 ms, p99 269 ms', 'p99').says).toBe(
    'lag p50 1 ms, p99 269 ms (p99 limit 5 ms)',
  )
  const limits = { warnAbove: 0.005, failAbove: 0.5 }
  expect(atMost(0.02, limits, 'share', '2 failed (2 %)').says).toBe('2 failed (2 %; limit 0.5 %)')
  expect(atMost(0.6, limits, 'share', '60 failed').says).toBe('60 failed (limit 50 %)')
  expect(atMost(0.001, limits, 'share', 'fine').says).toBe('fine')
})

test('requests that the end of the run cut off are no failures', async () => {
  const requests = goodRows((index) =>
    index < 300 ? {} : { outcome: 'unobserved_end', e2eUs: null, outputTokens: null },
  )
  const run = unsavedTrace(good({ requests, header: { interrupted: true } }))
  const report = await buildReport(run, null)
  expect(report.verdict.checks.find(({ name }) => name === 'errors')).toMatchObject({
    status: 'pass',
    value: 0,
  })
  expect(report.side.requests).toMatchObject({ ok: 300, failed: 0, end_unseen: 100 })
  const text = formatReport(report)
  expect(text).toMatch(/400 replayed in .* 100\.0 % ok · 100 cut by the end of the run/)
  expect(text).not.toContain('failed')
})

test('a replay whose lateness nobody measured is not VALID', async () => {
  const { status } = await verdictOf(good({ requests: goodRows(() => ({ lagUs: null })) }))
  expect(status).toBe('SUSPECT')
})

test('the text names a way out once where the client reached its own limits, and only there', async () => {
  const textOf = async (trace: UnsavedTrace) =>
    formatReport(await buildReport(unsavedTrace(trace), null))
  const slow = { lagUs: 300_000, connectUs: 90_000 }
  expect((await textOf(good({ requests: goodRows(() => slow) }))).split(/^try /m)).toHaveLength(2)
  expect(await textOf(good())).not.toMatch(/^try /m)
  const failing = goodRows((index) =>
    index % 4 === 0 ? { status: 500, outcome: 'http_error' } : {},
  )
  const text = await textOf(good({ requests: failing }))
  expect(text).toMatch(/^(?:SUSPECT|INVALID) /)
  expect(text).not.toMatch(/^try /m)
})

test('a recording is not asked about sends', async () => {
  const { status } = await verdictOf({ kind: 'recorded', requests: goodRows() })
  expect(status).toBe('VALID')
})

test('of seeded replays on the simulated engine the good ones are VALID, the others are objected to by the check that should', async () => {
  const wrong: string[] = []
  for (const [seed, fault] of FAULT_NAMES.flatMap((name) => [null, name, null, name]).entries()) {
    const { status, warned, failed } = await verdictOf(engineRun(1_000 + seed, fault))
    const isRight =
      fault === null
        ? status === 'VALID'
        : status !== 'VALID' && [...warned, ...failed].includes(FAULT_CHECKS[fault])
    if (!isRight)
      wrong.push(`seed ${seed}, ${fault ?? 'good'}: ${status} ${[...warned, ...failed].join(', ')}`)
  }
  expect(wrong).toEqual([])
}, 60_000)

test('a fresh server, which names a counter when it first counts, is counted from 0', async () => {
  const [before, after] = [serverSamples().slice(0, 2), serverSamples()].map((rows, index) =>
    index === 0 ? rows : rows.filter(({ atUs }) => atUs > 0),
  )
  const fresh = [
    { ...before![0]!, metric: 'vllm:num_requests_running', value: 0 },
    ...after!.map((row) => ({ ...row, value: row.value - 1_000 })),
  ]
  const verdict = await verdictOf(good({ samples: [...fresh, ...clientSamples()] }))
  expect(verdict).toEqual({ status: 'VALID', warned: [], failed: [] })
})

test('a week of scrapes is no more than a page can hold', async () => {
  const labels = JSON.stringify({ engine: '0' })
  const samples = Array.from({ length: 200_000 }, (_, index) => ({
    atUs: index * 1_000_000,
    metric: index % 2 === 0 ? 'vllm:kv_cache_usage_perc' : 'trace:client_cpu_share',
    labels: index % 2 === 0 ? labels : null,
    value: 1,
  }))
  const { server, client } = await buildReport(unsavedTrace(good({ samples })), null)
  expect(server?.peaks.kv_usage).toBe(1)
  expect(server?.kv_full_at_us).toBe(0)
  expect(client.cpu_share).toBe(1)
})
