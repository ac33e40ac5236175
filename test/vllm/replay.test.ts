/** A replay against a real vLLM has to agree with what that server says of it. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { HttpClient } from '../../src/base/http.ts'
import { convertTrace } from '../../src/formats/convert.ts'
import { parseConvertOptions } from '../../src/formats/options.ts'
import { BodyBuilder } from '../../src/replay/body-builder.ts'
import { parseReplayOptions, type RawReplayOptions } from '../../src/replay/options.ts'
import { preflight } from '../../src/replay/preflight.ts'
import { readMetrics } from '../../src/replay/server-metrics.ts'
import { buildReport } from '../../src/report/report.ts'
import { openTrace } from '../../src/trace/open.ts'
import { buildPlan } from '../../src/workload/build-plan.ts'
import {
  parseWorkloadOptions,
  WORKLOAD_FLAGS,
  type RawWorkloadOptions,
} from '../../src/workload/options.ts'
import { ABORT_BY_TIME, ABORT_BY_TOKENS } from '../../src/workload/plan.ts'
import { handPlan, type HandRow } from '../support/hand-plan.ts'
import { createPrefixCache } from '../../src/workload/prefix-cache.ts'
import { growth, replayDefaults, runReplay, type FinishedReplay } from '../support/replay-run.ts'
import { testWorld } from '../support/test-world.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

const target = process.env['TRACE_VLLM_URL'] ?? ''
const azure = '../shared/traces/azure-llm-2023/AzureLLMInferenceTrace_code.csv'
const isHere = target !== ''

const sum = (values: readonly (number | null)[]) =>
  values.reduce<number>((total, value) => total + (value ?? 0), 0)
const finished = ({ samples }: FinishedReplay) => growth(samples, 'vllm:request_success_total')
const asked = ({ samples }: FinishedReplay) =>
  growth(samples, 'http_requests_total', ({ handler = '' }) =>
    /^\/v1\/(?:chat\/)?completions$/.test(handler),
  )
const answered = ({ rows }: FinishedReplay) => sum(rows.map(({ outputTokens }) => outputTokens))
const reportOf = async (run: FinishedReplay) =>
  buildReport(unsavedTrace({ ...run, kind: 'replayed', requests: run.rows }), null)

async function azurePlan(wish: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'trace-azure-'))
  try {
    const path = join(folder, 'code.arrow')
    await convertTrace(parseConvertOptions(azure, path, {}), testWorld().world)
    const reader = await openTrace(path)
    const defaults = Object.fromEntries(
      Object.entries(WORKLOAD_FLAGS).flatMap(([name, flag]) =>
        'default' in flag ? [[name, flag.default]] : [],
      ),
    )
    const options = { ...defaults, ...wish } as unknown as RawWorkloadOptions
    const plan = await buildPlan(reader, parseWorkloadOptions(options), { path })
    await reader.close()
    return plan
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test.skipIf(!isHere || !existsSync(azure))(
  'two minutes of the Azure code trace at 2x agree with the server (needs TRACE_VLLM_URL and ../shared/traces)',
  async () => {
    const plan = await azurePlan({ from: '0s', to: '120s', speed: '2x', seed: '7' })
    const run = await runReplay(plan, { target })
    expect(run.rows.length).toBe(plan.count)
    expect(run.rows.map(({ outcome }) => outcome)).toEqual(run.rows.map(() => 'ok'))
    expect(finished(run)).toBe(run.rows.length)
    expect(asked(run)).toBe(run.rows.length)
    expect(growth(run.samples, 'vllm:prompt_tokens_total')).toBe(
      sum([...plan.columns.promptTokens]),
    )
    expect(growth(run.samples, 'vllm:generation_tokens_total')).toBe(
      sum([...plan.columns.outputTokens]),
    )
    expect(run.rows.every(({ lagUs }) => (lagUs ?? -1) >= 0)).toBe(true)
  },
)

test.skipIf(!isHere)(
  'prompts and answers of chat and completions have the planned number of tokens (needs TRACE_VLLM_URL)',
  async () => {
    const rows = Array.from({ length: 60 }, (_, at): HandRow => ({
      dueUs: at * 50_000,
      endpoint: at % 2 === 0 ? 'chat' : 'completions',
      isStream: at % 3 !== 0,
      promptTokens: 12 + ((at * 37) % 900),
      outputTokens: 1 + (at % 17),
    }))
    const run = await runReplay(handPlan(rows), { target })
    expect(run.rows.map(({ promptTokens }) => promptTokens)).toEqual(
      rows.map(({ promptTokens }) => promptTokens),
    )
    expect(run.rows.map(({ outputTokens }) => outputTokens)).toEqual(
      rows.map(({ outputTokens }) => outputTokens),
    )
    expect(new Set(run.rows.map(({ tokenSource }) => tokenSource))).toEqual(new Set(['server']))
  },
)

test.skipIf(!isHere)(
  'hang-ups by time and by tokens end where planned, and all counters of the server agree within what they explain (needs TRACE_VLLM_URL)',
  async () => {
    const rows = Array.from({ length: 24 }, (_, at): HandRow => ({
      dueUs: at * 100_000,
      promptTokens: 64,
      outputTokens: at % 3 === 0 ? 8 : 2_000,
      flags: at % 3 === 0 ? 0 : at % 3 === 1 ? ABORT_BY_TOKENS : ABORT_BY_TIME,
      abortAt: at % 3 === 1 ? 6 : 2_000,
    }))
    const run = await runReplay(handPlan(rows), { target })
    const hungUp = run.rows.filter(({ outcome }) => outcome === 'client_abort')
    expect(hungUp.length).toBe(16)
    const byTokens = run.rows.filter(({ seq }) => seq % 3 === 1)
    expect(byTokens.every(({ outputTokens }) => (outputTokens ?? 0) >= 6)).toBe(true)
    // Aborts are counted as finished by some versions and not at all by others.
    expect(finished(run)).toBeGreaterThanOrEqual(8)
    expect(finished(run)).toBeLessThanOrEqual(24)
    expect(asked(run)).toBe(24)
    const surplus = growth(run.samples, 'vllm:generation_tokens_total') - answered(run)
    expect(surplus).toBeGreaterThanOrEqual(0)
    expect(surplus).toBeLessThanOrEqual(16 * 64)
    const { verdict, server } = await reportOf(run)
    const agreed = ['server_completed', 'foreign_load', 'server_generated', 'server_prompts']
    const said = verdict.checks.filter(({ name }) => agreed.includes(name))
    expect(said.map(({ name, status }) => `${name} ${status}`).toSorted()).toEqual(
      agreed.map((name) => `${name} pass`).toSorted(),
    )
    expect(server?.completed).toBe(finished(run))
  },
)

test.skipIf(!isHere)(
  'TTFT is the queue and prefill of the server and what lies between, of each request where it tells them and else by means (needs TRACE_VLLM_URL)',
  async () => {
    const rows = Array.from({ length: 40 }, (_, at): HandRow => ({
      dueUs: at * 20_000,
      endpoint: at % 2 === 0 ? 'chat' : 'completions',
      promptTokens: 60 + ((at * 37) % 400),
      outputTokens: 2 + (at % 7),
    }))
    const run = await runReplay(handPlan(rows), { target })
    const { verdict, ttft_parts: parts } = await reportOf(run)
    const check = verdict.checks.find(({ name }) => name === 'server_ttft')
    const told = run.rows.filter(({ serverTtftUs }) => serverTtftUs !== null)
    const isTold = told.length > 0
    expect([parts?.n, parts?.share]).toEqual(isTold ? [40, 1] : [undefined, undefined])
    expect(check?.says).toMatch(isTold ? /./ : /^our mean TTFT is .* above the server's/)
    const rests = told.map((row) => row.ttftUs! - row.serverQueueUs! - row.serverTtftUs!)
    expect(rests.every((restUs) => restUs > 0)).toBe(true)
    const share = isTold ? { unit: 'share', value: parts!.beyond / 40 } : {}
    expect(check).toMatchObject(share)
  },
)

test.skipIf(!isHere)(
  'later turns come their think time after the answer, quote it, and have the planned size (needs TRACE_VLLM_URL)',
  async () => {
    const turn = (endpoint: 'chat' | 'completions', session: number, at: number): HandRow => ({
      dueUs: session * 200_000 + at,
      endpoint,
      session,
      promptTokens: 40 + at * 60,
      outputTokens: 12,
      ...(at === 0 ? {} : { parent: session * 3 + at - 1, thinkUs: 150_000 }),
    })
    const rows = (['completions', 'chat', 'completions', 'chat'] as const).flatMap(
      (endpoint, session) => [0, 1, 2].map((at) => turn(endpoint, session, at)),
    )
    const order = rows.map((_, at) => at)
    const run = await runReplay(
      handPlan(
        order.map((at) => rows[at]!),
        [],
        { kind: 'session' },
      ),
      {
        target,
      },
    )
    expect(run.rows.map(({ outcome }) => outcome)).toEqual(rows.map(() => 'ok'))
    const bySeq = run.rows.toSorted((a, b) => a.seq - b.seq)
    expect(bySeq.map(({ promptTokens }) => promptTokens)).toEqual(
      rows.map(({ promptTokens }) => promptTokens),
    )
    expect(run.fidelity.fillers).toEqual({})
    for (const row of bySeq) {
      const parent = bySeq[row.parentSeq ?? -1]
      if (parent === undefined) continue
      const endUs = parent.atUs + (parent.lagUs ?? 0) + (parent.uploadUs ?? 0) + (parent.e2eUs ?? 0)
      expect(row.atUs).toBeGreaterThanOrEqual(endUs + 150_000)
    }
  },
)

test.skipIf(!isHere)(
  'sent one at a time, the server takes from its cache what the engine rule predicts (needs TRACE_VLLM_URL)',
  async () => {
    const blocks = Array.from({ length: 60 }, (_, at) => ({
      id: (BigInt(at + 1) * 0x9e37_79b9_7f4a_7c15n) & 0xffff_ffff_ffff_ffffn,
      parent: at % 6 === 0 ? (at === 0 ? null : 0) : at - 1,
      tokens: 40 + ((at * 29) % 90),
    }))
    const depth = (leaf: number): number =>
      blocks[leaf]!.tokens + (blocks[leaf]!.parent === null ? 0 : depth(blocks[leaf]!.parent))
    const rows = Array.from({ length: 120 }, (_, at): HandRow => {
      const leaf = (at * 17) % 60
      const endpoint = at % 2 === 0 ? 'completions' : 'chat'
      return {
        dueUs: at,
        endpoint,
        leaf,
        promptTokens: depth(leaf) + 14 + ((at * 13) % 120),
        outputTokens: 1,
      }
    })
    const plan = handPlan(rows, blocks)
    const client = new HttpClient()
    const options = parseReplayOptions({
      ...replayDefaults,
      target: [target],
    } as unknown as RawReplayOptions)
    const { targets, targetOfShape, servers } = await preflight(plan, options, {
      client,
      extraHeaders: [],
      localOf: () => null,
      cacheFolder: null,
    })
    const builder = new BodyBuilder(plan, {
      targets,
      targetOfShape,
      runId: 'prefix',
      textSeed: String(process.hrtime.bigint()),
      prefix: 'keep',
      isLastOnConnection: true,
      isAnswerOfWords: false,
    })
    // Two dialects do not share what they share within themselves: the template stands before it.
    const caches = ['completions', 'chat'].map(() =>
      createPrefixCache(plan.blocks, {
        rule: 'engine',
        blockTokens: servers[0]?.facts.blockTokens ?? 16,
        capacityTokens: null,
      }),
    )
    const wrong: unknown[] = []
    let before = await hits(client)
    for (let index = 0; index < plan.count; index += 1) {
      const into = Buffer.alloc(builder.roomFor(index))
      const { end } = builder.build(index, into, 0)
      const text = into.toString('utf8', 0, end)
      const [head = ''] = text.split('\r\n\r\n')
      const json: unknown = JSON.parse(text.slice(head.length + 4))
      await client.call(new URL(head.split(' ')[1]!, target), { json })
      const after = await hits(client)
      const cache = caches[index % 2]!
      const { leaf, promptTokens } = plan.columns
      const predicted = cache.serve(leaf[index]!, promptTokens[index]!)
      if (after - before !== predicted) wrong.push({ index, predicted, got: after - before })
      before = after
    }
    await client.close()
    // At most one in a hundred may differ; the list of those that do says how.
    expect(wrong.slice(Math.floor(plan.count / 100))).toEqual([])
  },
)

async function hits(client: HttpClient): Promise<number> {
  const metrics = (await readMetrics(client, new URL('/metrics', target))) ?? []
  return metrics
    .filter(({ name }) => name === 'vllm:prefix_cache_hits_total')
    .reduce((total, { value }) => total + value, 0)
}
