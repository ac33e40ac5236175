/**
 * The simulated server beside the one that its `tiny-cpu` profile was fitted to, and what it costs to
 * run. `npm run bench engine`; TRACE_VLLM_URL names the real server, without it that column is empty.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const PORT = Number(process.env['TRACE_BENCH_PORT'] ?? 21_390)
const PROMPT_TOKENS = [16, 128, 512, 1_024, 2_048, 4_000]
const STREAM_COUNTS = [1, 2, 4, 8, 16, 32]
const REPEATS = 5
const DECODE_TOKENS = 48
/** Clock ticks of /proc/PID/stat. */
const US_PER_TICK = 10_000

type Target = { name: string; host: string; port: number }
type Line = { what: string; unit: string; [target: string]: string | number }

const clockUs = () => Number(process.hrtime.bigint()) / 1_000
const medianOf = (values: number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

let nextToken = Math.floor(clockUs()) % 100_000

/** A prompt that no cache knows. */
function freshPrompt(length: number): number[] {
  nextToken += 7_919
  return Array.from({ length }, (_, index) => 1_000 + ((nextToken + index * 31) % 100_000))
}

/** Times of the token events of one stream, µs after it was sent. */
async function timesOf(target: Target, prompt: number[], maxTokens: number): Promise<number[]> {
  const body = JSON.stringify({ prompt, max_tokens: maxTokens, ignore_eos: true, stream: true })
  const socket = connect(target.port, target.host)
  socket.setNoDelay(true)
  const head = `POST /v1/completions HTTP/1.1\r\nHost: ${target.host}\r\nContent-Type: application/json\r\n`
  const tail = `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  const sentUs = clockUs()
  socket.write(head + tail)
  const times: number[] = []
  for await (const part of socket) {
    const count = (part as Buffer).toString('latin1').split('"finish_reason"').length - 1
    for (let index = 0; index < count; index += 1) times.push(clockUs() - sentUs)
  }
  return times
}

async function measure(target: Target, lines: Map<string, Line>): Promise<void> {
  const put = (what: string, unit: string, value: number) => {
    const line = lines.get(what) ?? { what, unit }
    line[target.name] = Math.round(value * 100) / 100
    lines.set(what, line)
  }
  await timesOf(target, freshPrompt(16), 8)
  for (const length of PROMPT_TOKENS) {
    const firsts: number[] = []
    for (let repeat = 0; repeat < REPEATS; repeat += 1) {
      firsts.push((await timesOf(target, freshPrompt(length), 1))[0] ?? Number.NaN)
    }
    put(`first token, prompt of ${length}`, 'ms', medianOf(firsts) / 1_000)
  }
  for (const streams of STREAM_COUNTS) {
    const all = await Promise.all(
      Array.from({ length: streams }, () => timesOf(target, freshPrompt(16), DECODE_TOKENS)),
    )
    const gaps = all.map((times) => ((times.at(-1) ?? 0) - (times[4] ?? 0)) / (times.length - 5))
    put(`between tokens, ${streams} streams`, 'ms', medianOf(gaps) / 1_000)
  }
  const long = await timesOf(target, freshPrompt(4_000), DECODE_TOKENS)
  const gapUs = ((long.at(-1) ?? 0) - (long[4] ?? 0)) / (long.length - 5)
  put('between tokens, 1 stream, context 4000', 'ms', gapUs / 1_000)
}

async function startEngine(profile: string): Promise<ChildProcess> {
  const words = ['bin/trace.js', 'engine', '--listen', `127.0.0.1:${PORT}`, '--profile', profile]
  const child = spawn(process.execPath, words, { stdio: 'ignore' })
  for (;;) {
    const isUp = await fetch(`http://127.0.0.1:${PORT}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isUp) return child
    await sleep(100)
  }
}

function cpuUs({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')
  return (Number(fields[13]) + Number(fields[14])) * US_PER_TICK
}

/** 1,000 streams at 50 tokens/s: what one token costs the simulated server. */
async function measureCost(lines: Map<string, Line>): Promise<void> {
  const child = await startEngine('steady-20ms')
  const target = { name: 'simulated', host: '127.0.0.1', port: PORT }
  const beforeUs = cpuUs(child)
  const all = await Promise.all(
    Array.from({ length: 1_000 }, () => timesOf(target, freshPrompt(16), 100)),
  )
  const tokens = all.reduce((sum, times) => sum + times.length, 0)
  const what = 'CPU of a token, 1000 streams at 50 tokens/s'
  const cost = Math.round(((cpuUs(child) - beforeUs) / tokens) * 10) / 10
  lines.set(what, { what, unit: 'µs', simulated: cost })
  await stop(child)
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  await new Promise((resolve) => child.once('close', resolve))
}

const lines = new Map<string, Line>()
const real = process.env['TRACE_VLLM_URL']
if (real !== undefined) {
  const { hostname, port } = new URL(real)
  await measure({ name: 'vllm', host: hostname, port: Number(port) }, lines)
}
const engine = await startEngine('tiny-cpu')
await measure({ name: 'simulated', host: '127.0.0.1', port: PORT }, lines)
await stop(engine)
await measureCost(lines)

const table = [...lines.values()].map(({ what, unit, ...values }) => ({
  [`what, ${unit}`]: what,
  ...values,
}))
for (const { what, unit, vllm = '–', simulated = '–' } of lines.values()) {
  process.stdout.write(
    `${what.padEnd(46)}${String(vllm).padStart(10)}${String(simulated).padStart(10)}  ${unit}\n`,
  )
}
mkdirSync('bench-results', { recursive: true })
writeFileSync('bench-results/engine.json', `${JSON.stringify(table, null, 2)}\n`)
