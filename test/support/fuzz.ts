/**
 * `npm run fuzz [count] [seed] [first]`: damaged files through every reader, in watched processes. A
 * crash, an error that is no TraceError, a case over 5 s or more than 512 MB ends it with exit code 1.
 * Then a small file of each container is cut off at every byte.
 */
import { fork } from 'node:child_process'
import { FuzzCases } from './fuzz-cases.ts'

const MAX_CASE_MS = 5_000
const MAX_RSS_BYTES = 512_000_000
/** A process reads so many files, so that what it takes is not what thousands left behind. */
const CASES_A_PROCESS = 5_000

const [count = '100000', seed = '1', first = '0', role = 'parent', end = '0'] =
  process.argv.slice(2)

type Progress = {
  name: string
  rssBytes: number
  read: number
  done: number
  problem?: string
}

if (role === 'cases') await runCases(Number(first), Number(end))
else if (role === 'cuts') await runCuts()
else await watchAll()

function say(progress: Omit<Progress, 'rssBytes'>): void {
  process.send?.({ ...progress, rssBytes: process.memoryUsage().rss } satisfies Progress)
}

async function runCases(from: number, to: number): Promise<void> {
  const cases = await FuzzCases.prepare(seed)
  let read = 0
  for (let index = from; index < to; index += 1) {
    const name = `case ${index} of seed ${seed}, from ${cases.baseOf(index)}`
    say({ name, read, done: index - from })
    try {
      read += Number((await cases.run(index)) === 'read')
    } catch (error) {
      const { cause } = error as Error
      say({ name, read, done: index - from, problem: `${name}: ${(cause as Error).stack}` })
    }
  }
  say({ name: '', read, done: to - from })
  cases.close()
  process.disconnect()
}

async function runCuts(): Promise<void> {
  const cases = await FuzzCases.prepare(seed)
  let done = 0
  try {
    await cases.cutEverywhere((name) => say({ name, read: 0, done: (done += 1) }))
  } catch (error) {
    say({ name: '', read: 0, done, problem: `${(error as Error).stack}` })
  }
  cases.close()
  process.disconnect()
}

type Outcome = { done: number; read: number; maxRssBytes: number; problems: string[] }

async function watch(...argv: string[]): Promise<Outcome> {
  const outcome: Outcome = { done: 0, read: 0, maxRssBytes: 0, problems: [] }
  const execArgv = ['--max-old-space-size=256']
  const child = fork(new URL(import.meta.url), argv, { execArgv })
  let name = ''
  let lastMs: number | null = null
  child.on('message', (progress: Progress) => {
    ;({ name } = progress)
    lastMs = Date.now()
    outcome.done = progress.done
    outcome.read = progress.read
    outcome.maxRssBytes = Math.max(outcome.maxRssBytes, progress.rssBytes)
    if (progress.rssBytes > MAX_RSS_BYTES) outcome.problems.push(`${name}: over 512 MB`)
    if (progress.problem !== undefined) outcome.problems.push(progress.problem)
  })
  const watchdog = setInterval(() => {
    if (lastMs === null || Date.now() - lastMs < MAX_CASE_MS || child.killed) return
    outcome.problems.push(`${name}: more than ${MAX_CASE_MS} ms`)
    child.kill('SIGKILL')
  }, 250)
  const ended = await new Promise<string>((resolve) => {
    child.on('exit', (code, signal) => resolve(signal ?? String(code)))
  })
  clearInterval(watchdog)
  if (ended !== '0') outcome.problems.push(`${name}: the process ended with ${ended}`)
  return outcome
}

async function watchAll(): Promise<void> {
  const startMs = Date.now()
  const outcomes: Outcome[] = []
  for (let from = Number(first); from < Number(count); from += CASES_A_PROCESS) {
    const to = Math.min(Number(count), from + CASES_A_PROCESS)
    outcomes.push(await watch(count, seed, String(from), 'cases', String(to)))
    console.error(`${to} of ${count}`)
  }
  const cuts = await watch(count, seed, '0', 'cuts')
  const sum = (key: 'done' | 'read') => outcomes.reduce((total, one) => total + one[key], 0)
  const all = [...outcomes, cuts]
  const problems = all.flatMap((one) => one.problems)
  const rssMb = Math.round(Math.max(...all.map(({ maxRssBytes }) => maxRssBytes)) / 1e6)
  const seconds = Math.round((Date.now() - startMs) / 1_000)
  console.log(
    `${sum('done')} cases of seed ${seed} and ${cuts.done} cuts in ${seconds} s: ${sum('read')} read, ` +
      `${sum('done') - sum('read')} refused, at most ${rssMb} MB, ${problems.length} problems`,
  )
  for (const problem of problems.slice(0, 10)) console.log(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
}
