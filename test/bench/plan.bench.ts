/**
 * `npm run bench plan [ROWS]`: time and memory to inspect and to plan a million rows, each in a process
 * of its own. Prints and writes JSON.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROWS = Number(process.argv[2] ?? 1_000_000)
const folder = mkdtempSync(join(tmpdir(), 'trace-plan-bench-'))
const config = join(folder, 'config.yaml')
const trace = join(folder, 'load.arrow')
const database = join(folder, 'load.sqlite')

writeFileSync(
  config,
  `duration: ${Math.ceil(ROWS / 100)}s
classes:
  - name: chat
    arrivals: {process: poisson, rate: 33.4}
    turns: {law: poisson, mean: 3, min: 1}
    think_s: {law: lognormal, p50: 8, sigma: 1}
    system_prompt: {tokens: 600, groups: 3}
    input: {law: lognormal, p50: 300, sigma: 1, min: 1}
    output: {law: exponential, mean: 150, min: 1}
`,
)

/** What the code of one process did, by its own account. */
function measured(code: string): {
  seconds: number
  cpuSeconds: number
  peakMb: number
  rows: number
} {
  const source = `
    const began = performance.now()
    ${code}
    const { user, system } = process.cpuUsage()
    console.log(JSON.stringify({
      seconds: (performance.now() - began) / 1e3,
      cpuSeconds: (user + system) / 1e6,
      peakMb: process.resourceUsage().maxRSS / 1e3,
      rows,
    }))`
  // A file, because threads cannot begin in a process that runs text from its command line.
  const file = join(folder, 'part.mjs')
  writeFileSync(file, source)
  const { stdout, stderr, status } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

const room = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href)
const open = (path: string) => `
  const { openTrace } = await import(${room('trace/open.ts')})
  const reader = await openTrace(${JSON.stringify(path)})`
const inspect = (path: string) => `${open(path)}
    const { inspectTrace } = await import(${room('report/inspection.ts')})
    const rows = (await inspectTrace(reader, null)).arrivals.n
    await reader.close()`
const plan = (path: string) => `${open(path)}
    const { buildPlan } = await import(${room('workload/build-plan.ts')})
    const { plainWorkload } = await import(${room('workload/options.ts')})
    const jitter = { widthUs: 20_000, shape: 'uniform' }
    const rows = (await buildPlan(reader, { ...plainWorkload(), speed: 2, jitter })).count
    await reader.close()`

const parts = {
  synth: `
    const { readSynthSource } = await import(${room('workload/synth-source.ts')})
    const { synthHeader, writeSynthetic } = await import(${room('workload/synth-trace.ts')})
    const { createTrace } = await import(${room('trace/create.ts')})
    const model = await readSynthSource(${JSON.stringify(config)}, { reading: 'written', saturationPerSec: null })
    const writer = await createTrace(${JSON.stringify(trace)}, synthHeader(model))
    const rows = await writeSynthetic(model, writer)
    await writer.finish()`,
  convert: `${open(trace)}
    const { copyTrace } = await import(${room('trace/copy.ts')})
    const { createTrace } = await import(${room('trace/create.ts')})
    const writer = await createTrace(${JSON.stringify(database)}, reader.header)
    await copyTrace(reader, writer)
    await writer.finish()
    const rows = reader.header.counts.request`,
  'inspect .arrow': inspect(trace),
  'inspect .sqlite': inspect(database),
  'plan .arrow': plan(trace),
  'plan .sqlite': plan(database),
}

try {
  const results = Object.entries(parts).map(([name, code]) => ({ name, ...measured(code) }))
  for (const { name, rows, seconds, cpuSeconds, peakMb } of results) {
    const rate = `${Math.round(rows / seconds).toLocaleString('en-US')} rows/s`
    const times = `${seconds.toFixed(2)} s · ${cpuSeconds.toFixed(2)} s CPU · ${rate}`
    console.log(
      `${name.padEnd(15)} ${rows.toLocaleString('en-US')} rows · ${times} · ${peakMb.toFixed(0)} MB`,
    )
  }
  mkdirSync('bench-results', { recursive: true })
  writeFileSync('bench-results/plan.json', `${JSON.stringify(results, null, 2)}\n`)
} finally {
  rmSync(folder, { recursive: true })
}
