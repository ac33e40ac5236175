/** The recorder in front of a real vLLM, with vLLM's own benchmark as the client and second opinion. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rowsOf, startRecorder } from '../support/recorder.ts'

const target = process.env['TRACE_VLLM_URL']
const bench = process.env['TRACE_VLLM_BIN']
const tokenizer = process.env['TRACE_VLLM_TOKENIZER']

type BenchResult = {
  completed: number
  input_lens: number[]
  output_lens: number[]
  ttfts: number[]
  latencies: number[]
  start_times: number[]
}

async function runBench(url: string, prompts: number): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'trace-bench-'))
  const words =
    `bench serve --backend openai --base-url ${url} --model tiny --tokenizer ${tokenizer} ` +
    `--dataset-name random --random-input-len 200 --random-range-ratio 0.5 ` +
    `--random-output-len 32 --num-prompts ${prompts} --request-rate 8 --seed 5 --save-result ` +
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

test.skipIf(target === undefined || bench === undefined || tokenizer === undefined)(
  'rows agree with the result file of vllm bench serve (needs TRACE_VLLM_URL, _BIN, _TOKENIZER)',
  async () => {
    const prompts = 40
    const recorder = await startRecorder(Number(new URL(target ?? '').port))
    const result = await runBench(`http://127.0.0.1:${recorder.port}`, prompts)
    await recorder.stop()
    const every = await rowsOf(recorder.directory)
    recorder.remove()
    // The benchmark asks once or more before it starts, to see that the server is ready.
    const rows = every.slice(-prompts)
    expect(result.completed).toBe(prompts)
    expect(every.every(({ outcome }) => outcome === 'ok')).toBe(true)

    const order = result.start_times.map((_start, index) => index)
    order.sort((a, b) => (result.start_times[a] ?? 0) - (result.start_times[b] ?? 0))
    const pairs = order.map((index, place) => ({ index, row: rows[place] }))
    const sum = (values: (number | null | undefined)[]) =>
      values.reduce<number>((total, value) => total + (value ?? 0), 0)
    expect(sum(rows.map(({ promptTokens }) => promptTokens))).toBe(sum(result.input_lens))
    expect(sum(rows.map(({ outputTokens }) => outputTokens))).toBe(sum(result.output_lens))

    // Starts that lie close may arrive the other way round: sizes tell whether a pair is one request.
    const joined = pairs.filter(
      ({ index, row }) =>
        row?.promptTokens === result.input_lens[index] &&
        row?.outputTokens === result.output_lens[index],
    )
    expect(joined.length).toBeGreaterThanOrEqual(prompts * 0.9)
    const behindUs = joined.map(
      ({ index, row }) => (result.ttfts[index] ?? 0) * 1_000_000 - (row?.ttftUs ?? 0),
    )
    const longerUs = joined.map(
      ({ index, row }) => (result.latencies[index] ?? 0) * 1_000_000 - (row?.e2eUs ?? 0),
    )
    // What the client adds at its place is never below zero, and small beside the answer.
    for (const us of [...behindUs, ...longerUs]) expect(us).toBeGreaterThan(-1_000)
    behindUs.sort((a, b) => a - b)
    expect(behindUs[Math.floor(behindUs.length / 2)]).toBeLessThan(20_000)
  },
)
