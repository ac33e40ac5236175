/**
 * `npm run fuzz [count] [seed]`: damaged files through every reader, in a process that is watched. A
 * crash, an error that is no TraceError, a case over 5 s or more than 512 MB ends it with exit code 1.
 */
import { fork } from 'node:child_process'
import { FuzzCases } from './fuzz-cases.ts'

const MAX_CASE_MS = 5_000
const MAX_RSS_BYTES = 512_000_000

const [count = '100000', seed = '1', role = 'parent', first = '0'] = process.argv.slice(2)

type Progress = {
  /** Of a sound file cut off at each byte. */
  cuts?: number
  index: number
  name: string
  rssBytes: number
  read: number
  problem?: string
}

if (role === 'child') await runCases()
else await watch()

async function runCases(): Promise<void> {
  const cases = await FuzzCases.prepare(seed)
  let read = 0
  for (let index = Number(first); index < Number(count); index += 1) {
    process.send?.({
      index,
      name: cases.baseOf(index),
      read,
      rssBytes: process.memoryUsage().rss,
    } satisfies Progress)
    try {
      read += Number((await cases.run(index)) === 'read')
    } catch (error) {
      const { message, cause } = error as Error
      const problem = `${message}: ${cause instanceof Error ? cause.stack : ''}`
      process.send?.({ index, name: '', read, rssBytes: 0, problem } satisfies Progress)
    }
  }
  process.send?.({ index: Number(count), name: '', read, rssBytes: process.memoryUsage().rss })
  let cuts = 0
  const rest = { index: Number(count), read, rssBytes: 0 }
  try {
    await cases.cutEverywhere((name) => {
      cuts += 1
      process.send?.({ ...rest, name, cuts } satisfies Progress)
    })
  } catch (error) {
    process.send?.({
      ...rest,
      name: '',
      problem: String((error as Error).stack),
    } satisfies Progress)
  }
  cases.close()
  process.disconnect()
}

async function watch(): Promise<void> {
  const startMs = Date.now()
  const problems: string[] = []
  let last: Progress = { index: 0, name: '', rssBytes: 0, read: 0 }
  let lastMs = Date.now()
  let maxRssBytes = 0
  let longestMs = 0
  const child = fork(new URL(import.meta.url), [count, seed, 'child', first], {
    execArgv: ['--max-old-space-size=400'],
  })
  child.on('message', (progress: Progress) => {
    if (progress.problem !== undefined) problems.push(progress.problem)
    if (progress.index > 0 && last.index > 0) longestMs = Math.max(longestMs, Date.now() - lastMs)
    last = progress
    lastMs = Date.now()
    maxRssBytes = Math.max(maxRssBytes, progress.rssBytes)
    if (progress.index % 5_000 === 0 && progress.cuts === undefined)
      console.error(`${progress.index} of ${count}`)
  })
  const watchdog = setInterval(() => {
    if (last.index > 0 && Date.now() - lastMs > MAX_CASE_MS && child.killed === false) {
      problems.push(
        `case ${last.index} of seed ${seed} from ${last.name}, takes more than ${MAX_CASE_MS} ms`,
      )
      child.kill('SIGKILL')
    }
  }, 250)
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('exit', (exitCode, exitSignal) => resolve([exitCode, exitSignal]))
  })
  clearInterval(watchdog)
  if (last.index < Number(count)) problems.push(`ended in case ${last.index} (${signal ?? code})`)
  if (maxRssBytes > MAX_RSS_BYTES) problems.push(`took ${Math.round(maxRssBytes / 1e6)} MB`)
  const seconds = Math.round((Date.now() - startMs) / 1_000)
  console.log(
    `${last.index} cases and ${last.cuts ?? 0} cuts, seed ${seed}, ${seconds} s: ${last.read} read, ${last.index - last.read} refused, ` +
      `longest ${longestMs} ms, at most ${Math.round(maxRssBytes / 1e6)} MB, ${problems.length} problems`,
  )
  for (const problem of problems.slice(-10).toReversed()) console.log(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
}
