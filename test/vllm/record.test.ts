/** The recorder in front of a real vLLM, with vLLM's own benchmark as the client and second opinion. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { type ProfileFigures, profileFigures } from '../../src/report/metric-profile.ts'
import { openTrace } from '../../src/trace/open.ts'
import { rowsOf, startRecorder } from '../support/recorder.ts'

const target = process.env['TRACE_VLLM_URL']
const bench = process.env['TRACE_VLLM_BIN']
const tokenizer = process.env['TRACE_VLLM_TOKENIZER']
const PROMPTS = 40

/** Lists hold one value a request; seconds unless named otherwise, instants on the monotonic clock. */
type BenchResult = {
  completed: number
  duration: number
  total_output_tokens: number
  input_lens: number[]
  output_lens: number[]
  ttfts: number[]
  itls: number[][]
  latencies: number[]
  start_times: number[]
  mean_ttft_ms: number
  mean_tpot_ms: number
  median_tpot_ms: number
  mean_itl_ms: number
  median_itl_ms: number
  mean_e2el_ms: number
}

/** Chat, whose first event only names the role: the benchmark takes that one for the first token. */
async function runBench(url: string): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'trace-bench-'))
  const words =
    `bench serve --backend openai-chat --endpoint /v1/chat/completions --base-url ${url} ` +
    `--model tiny --tokenizer ${tokenizer} --dataset-name random --random-input-len 200 ` +
    `--random-range-ratio 0.5 --random-output-len 32 --ignore-eos --num-prompts ${PROMPTS} ` +
    `--request-rate 8 --seed 5 --percentile-metrics ttft,tpot,itl,e2el --save-result ` +
    `--save-detailed --result-dir ${folder} --result-filename result.json`
  const child = spawn(bench ?? '', words.split(' '), {
    stdio: 'ignore',
    env: { ...process.env, HF_HUB_OFFLINE: '1' },
  })
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve))
  expect(code).toBe(0)
  const text = readFileSync(join(folder, readdirSync(folder)[0] ?? ''), 'utf8')
  rmSync(folder, { recursive: true })
  return JSON.parse(text) as BenchResult
}

/** Rows of a recording, their instants on the monotonic clock, and what `--metric-profile vllm` makes of them. */
async function recordingOf(path: string) {
  const reader = await openTrace(path)
  const profile = await profileFigures(reader, 'vllm')
  const [{ atUs, wallUs }] = reader.header.clock.anchors as [{ atUs: number; wallUs: number }]
  const originUs = wallUs - atUs - (systemClock.wallUs() - systemClock.nowUs())
  await reader.close()
  return { profile, originUs, rows: await rowsOf(path) }
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Where each request's time went between the benchmark's clock and ours, ms. No request knows its number: sizes do. */
function joined(result: BenchResult, { rows, originUs }: Awaited<ReturnType<typeof recordingOf>>) {
  const sizesOf = (prompt: unknown, output: unknown) =>
    `${String(prompt)} in, ${String(output)} out`
  const bySizes = new Map(rows.map((row) => [sizesOf(row.promptTokens, row.outputTokens), row]))
  expect(bySizes.size).toBe(PROMPTS)
  return result.start_times.map((startS, index) => {
    const tokens = result.output_lens[index]!
    const row = bySizes.get(sizesOf(result.input_lens[index], tokens))
    expect(row, 'sizes that the benchmark saw too').toBeDefined()
    const atMs = (originUs + row!.atUs) / 1e3
    const sentMs = atMs + (row!.uploadUs ?? 0) / 1e3
    const roleMs = (startS + result.ttfts[index]!) * 1e3
    const role = result.itls[index]![0]! * 1e3
    return {
      tokens,
      role,
      before: atMs - startS * 1e3,
      afterFirst: roleMs + role - (sentMs + row!.ttftUs! / 1e3),
      afterLast: (startS + result.latencies[index]!) * 1e3 - (sentMs + row!.e2eUs! / 1e3),
    }
  })
}

/** Counts are to be the same; times differ by what passes between relay and client, and by no more. */
function expectAgreement(
  { metrics, ...profile }: ProfileFigures,
  result: BenchResult,
  requests: ReturnType<typeof joined>,
): void {
  const { ttft, tpot, itl, e2el } = metrics
  expect(profile.completed).toBe(result.completed)
  expect([ttft, tpot, e2el].map((metric) => metric?.n)).toEqual([PROMPTS, PROMPTS, PROMPTS])
  expect(itl?.n).toBe(result.itls.flat().length)
  expect(profile.output_tokens_per_s! * profile.duration_s).toBeCloseTo(
    result.total_output_tokens,
    3,
  )
  // Its clock starts before it has connected and written, and ends when its event loop has read. Less these…
  const moved = (name: 'before' | 'afterFirst' | 'afterLast' | 'role') =>
    mean(requests.map((request) => request[name]))
  const ttftMs = result.mean_ttft_ms + moved('role') - moved('before') - moved('afterFirst')
  const e2elMs = result.mean_e2el_ms - moved('before') - moved('afterLast')
  // … both mean the same, but for the bins of our percentiles (0.002 %) and its floating point.
  expect(Math.abs(ttft!.mean / ttftMs - 1)).toBeLessThan(1e-3)
  expect(Math.abs(e2el!.mean / e2elMs - 1)).toBeLessThan(1e-3)
  // Its end points lie after ours, each by its own delay; the role's event is where its answer starts.
  const spread = mean(
    requests.map(({ tokens, ...request }) => {
      return (request.afterLast - request.afterFirst + request.role) / (tokens - 1)
    }),
  )
  expect(Math.abs(tpot!.mean + spread - result.mean_tpot_ms)).toBeLessThan(0.01)
  const off = (ours: number, theirs: number) => Math.abs(ours / theirs - 1)
  expect(off(tpot!.mean, result.mean_tpot_ms)).toBeLessThan(0.05)
  expect(off(tpot!.p50, result.median_tpot_ms)).toBeLessThan(0.1)
  expect(off(itl!.mean, result.mean_itl_ms)).toBeLessThan(0.05)
  expect(off(itl!.p50, result.median_itl_ms)).toBeLessThan(0.1)
  expect(off(profile.duration_s, result.duration)).toBeLessThan(0.05)
}

test.skipIf(target === undefined || bench === undefined || tokenizer === undefined)(
  'rows and --metric-profile vllm agree with the result file of vllm bench serve on the same requests (needs TRACE_VLLM_URL, _BIN, _TOKENIZER)',
  async () => {
    const recorder = await startRecorder(Number(new URL(target ?? '').port))
    const result = await runBench(`http://127.0.0.1:${recorder.port}`)
    await recorder.stop()
    const recording = await recordingOf(recorder.directory)
    recorder.remove()
    expect(result.completed).toBe(PROMPTS)
    expect(recording.rows.map(({ outcome }) => outcome)).toEqual(Array(PROMPTS).fill('ok'))
    const requests = joined(result, recording)
    // Nothing reaches the relay before its client began, or the client before the relay: the wall clock, by
    // which both are laid on one, is read to a millisecond.
    for (const { before, afterFirst, afterLast } of requests) {
      expect(Math.min(before, afterFirst, afterLast)).toBeGreaterThan(-1)
    }
    expect(median(requests.map(({ role }) => role))).toBeLessThan(1)
    expect(median(requests.map(({ before, afterFirst }) => before + afterFirst))).toBeLessThan(20)
    expectAgreement(recording.profile, result, requests)
  },
)
