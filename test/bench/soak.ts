/**
 * An hour, or as long as asked, of 200 streams through the recorder: memory, delay and rows must show
 * no trend. `npm run soak -- --minutes 60`. Ends with 1 if memory grew, a row is missing or delay rose.
 */
import { fork, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gapsOf, rowCountOf } from '../support/recorder.ts'
import { answeredBy, runStreams } from './record-client.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    streams: { type: 'string', default: '200' },
  },
})
const PORT = Number(process.env['TRACE_BENCH_PORT'] ?? 21_290)
const CHUNKS = 150
const MOST_GROWTH_MB = 64
/** Beyond what a machine with other work does to a median of medians. */
const MOST_SLOWER = 2

const upstream = fork(join(import.meta.dirname, 'record-upstream.ts'), [String(PORT)])
await new Promise((resolve) => upstream.once('message', resolve))
const directory = mkdtempSync(join(tmpdir(), 'trace-soak-'))
const words =
  `bin/trace.js record --upstream http://127.0.0.1:${PORT} --listen 127.0.0.1:${PORT + 1} ` +
  `--out ${directory} --admin-listen off --metrics-url off --tokenize-rate 0 --rotate-age 5m`
const recorder = spawn(process.execPath, words.split(' '), {
  stdio: ['ignore', 'ignore', 'inherit'],
})
await new Promise((resolve) => setTimeout(resolve, 3_000))

const rounds: { memoryMb: number; p50Us: number; p99Us: number; bad: number }[] = []
const endMs = Date.now() + Number(values.minutes) * 60_000
while (Date.now() < endMs) {
  const figures = await runStreams(PORT + 1, {
    streams: Number(values.streams),
    chunks: CHUNKS,
    answers: 2,
    isLockstep: rounds.length % 2 === 1,
  })
  const sorted = figures.delaysUs.toSorted((a, b) => a - b)
  const at = (q: number) => sorted[Math.floor(q * (sorted.length - 1))] ?? 0
  const status = readFileSync(`/proc/${recorder.pid}/status`, 'utf8')
  const memoryMb = Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_000)
  const round = { memoryMb, p50Us: at(0.5), p99Us: at(0.99), bad: figures.bad }
  rounds.push(round)
  process.stdout.write(
    `${rounds.length}: ${memoryMb} MB · delay p50 ${round.p50Us} µs, p99 ${round.p99Us} µs · ` +
      `${figures.bad} bad\n`,
  )
}

recorder.kill('SIGTERM')
await new Promise((resolve) => recorder.once('exit', resolve))
upstream.kill()
const rows = await rowCountOf(directory)
const gaps = (await gapsOf(directory)).length
const asked = answeredBy.get(PORT + 1) ?? 0
rmSync(directory, { recursive: true })
rmSync(`${directory}.key`, { force: true })

// The first third fills what is bounded: ends of conversations that may be continued, ids, pools.
const third = Math.max(1, Math.floor(rounds.length / 3))
const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0
const middle = rounds.slice(third, 2 * third)
const last = rounds.slice(-third)
const growthMb =
  median(last.map(({ memoryMb }) => memoryMb)) - median(middle.map(({ memoryMb }) => memoryMb))
const [beforeUs, afterUs] = [middle, last].map((list) => median(list.map(({ p50Us }) => p50Us)))
const isSlower = afterUs! > MOST_SLOWER * beforeUs! + 1_000
const bad = rounds.reduce((sum, round) => sum + round.bad, 0)
const isWhole = rows === asked && gaps === 0 && bad === 0
const isFine = isWhole && growthMb <= MOST_GROWTH_MB && !isSlower
process.stdout.write(
  `${asked} streams asked, ${rows} rows, ${gaps} gaps, ${bad} bad · memory ${growthMb} MB more ` +
    `from the middle third to the last, delay p50 ${beforeUs} to ${afterUs} µs · ` +
    `${isFine ? 'fine' : 'FAILED'}\n`,
)
process.exitCode = isFine ? 0 : 1
