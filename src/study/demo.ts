/**
 * `trace demo`: records made-up live traffic in front of a simulated server, replays it at twice the
 * speed, and compares. Effects: child processes, network, files in one new folder.
 */
import { join } from 'node:path'
import { EXIT, TraceError } from '../base/errors.ts'
import { writeWhole } from '../base/files.ts'
import { fold } from '../base/fold.ts'
import { formatCount, formatDuration, significant } from '../base/format.ts'
import type { World } from '../base/world.ts'
import { playUsers } from './demo-clients.ts'
import { makeDemoFolder } from './demo-folder.ts'
import type { DemoOptions } from './demo-options.ts'
import { demoTraffic } from './demo-traffic.ts'
import { freePort, untilReady } from './local-server.ts'
import { type VerbProcess, runVerb, startVerb, stopVerb } from './verb-process.ts'

const HOST = '127.0.0.1'

/** A replay may say that its own measurement is not to be trusted, on a busy machine: an answer too. */
const ANSWERS: ReadonlySet<number> = new Set([
  EXIT.pass,
  EXIT.inconclusive,
  EXIT.invalid,
  EXIT.threshold,
])

type Stage = Readonly<{
  options: DemoOptions
  world: World
  signal: AbortSignal
  folder: string
  servers: VerbProcess[]
}>

/** @returns the exit code: 0, or 130 or 143 where a signal ended it */
export async function demo(options: DemoOptions, world: World): Promise<number> {
  const ending = new AbortController()
  const interruption: { code: number | null } = { code: null }
  const stop = (code: number) => () => {
    interruption.code ??= code
    ending.abort(new TraceError('FAILED', 'interrupted'))
  }
  const forget = [
    world.onSignal('SIGINT', stop(EXIT.interrupted)),
    world.onSignal('SIGTERM', stop(EXIT.terminated)),
  ]
  const folder = await makeDemoFolder(options.folder, world)
  const stage: Stage = { options, world, signal: ending.signal, folder, servers: [] }
  try {
    await play(stage)
    return EXIT.pass
  } catch (error) {
    if (interruption.code === null) throw error
    // What the recorder says at its end comes first.
    await stopAll(stage)
    say(stage, fold(`interrupted; what there is so far lies in ${folder}\n`, world.stdout.columns))
    return interruption.code
  } finally {
    await stopAll(stage)
    for (const off of forget) off()
  }
}

async function stopAll({ servers, world }: Stage): Promise<void> {
  for (const server of servers.splice(0).toReversed()) await stopVerb(server, world.clock)
}

async function play(stage: Stage): Promise<void> {
  const { folder, options, world, signal } = stage
  const startUs = world.clock.nowUs()
  const engineUrl = `http://${HOST}:${await freePort()}`
  const recorderUrl = `http://${HOST}:${await freePort()}`
  const recording = join(folder, 'prod')
  const run = join(folder, 'twice.sqlite')
  say(stage, 'A simulated vLLM, a recorder in front of it, made-up users. No GPU, no set-up.\n')
  await serve(
    stage,
    ['engine', '--listen', addressOf(engineUrl), '--seed', options.seed],
    engineUrl,
  )
  const record = ['record', '--upstream', engineUrl, '--listen', addressOf(recorderUrl)]
  const recorder = await serve(
    stage,
    [...record, '--admin-listen', 'off', '--out', recording],
    recorderUrl,
  )
  const tally = await live(stage, recorderUrl)
  stage.servers.splice(stage.servers.indexOf(recorder), 1)
  await expectCode(stopVerb(recorder, world.clock), 'record')
  say(stage, `the users sent ${tally}\n`)
  signal.throwIfAborted()
  await step(stage, ['inspect', recording])
  const stagingUrl = `http://${HOST}:${await freePort()}`
  await serve(stage, engineOf(stagingUrl, options), stagingUrl)
  const replayFlags = ['--speed', '2x', '--jitter', '20ms', '--drift', driftOf(options), '--seed']
  const target = ['--target', stagingUrl, ...replayFlags, options.seed]
  await step(stage, ['replay', recording, ...target, '--out', run])
  const report = await capture(stage, ['report', run, '--against', recording, '--json'])
  await writeWhole(join(world.cwd, folder, 'report.json'), report)
  const took = formatDuration(world.clock.nowUs() - startUs)
  const left = `left behind after ${took} in ${folder}/: prod/ · twice.sqlite · report.json`
  const next = `next  trace inspect ${run} · trace replay --help`
  say(stage, fold(`\n${left}\n${next}\n`, world.stdout.columns))
}

function engineOf(url: string, { seed }: DemoOptions): string[] {
  return ['engine', '--listen', addressOf(url), '--seed', seed]
}

/** Prompts grow by half from the middle of the replay on, over a quarter of it. */
function driftOf({ durationUs }: DemoOptions): string {
  const replayedSec = durationUs / 2 / 1_000_000
  return `input=x1.5 at ${significant(replayedSec / 2, 2)}s over ${significant(replayedSec / 4, 2)}s`
}

/**
 * The made-up users, live. Nothing is said while the recorder draws its own lines.
 *
 * @returns what became of their requests
 */
async function live(stage: Stage, baseUrl: string): Promise<string> {
  const { options, world, signal } = stage
  const { seed, durationUs } = options
  const users = demoTraffic(seed, durationUs)
  const count = (kind: string) => users.filter((user) => user.kind === kind).length
  say(
    stage,
    `\nlive for ${formatDuration(durationUs)}, then ^C to the recorder: ${count('chat')} chat sessions,\n` +
      `${count('burst')} requests in bursts, ${count('batch')} of a batch tenant\n`,
  )
  const tally = await playUsers(users, { baseUrl, durationUs }, world.clock, signal)
  return (
    `${formatCount(tally.requests)} · ${formatCount(tally.answered)} answered · ` +
    `${formatCount(tally.hungUp)} hung up · ${formatCount(tally.failed)} failed`
  )
}

/** Starts a verb that serves, and waits until it answers. */
async function serve(stage: Stage, argv: readonly string[], url: string): Promise<VerbProcess> {
  show(stage, argv)
  const server = startVerb(argv, stage.world)
  stage.servers.push(server)
  await untilReady(url, server.ended, stage.world.clock, stage.signal)
  return server
}

/** Runs a verb to its end, its output shown. */
async function step(stage: Stage, argv: readonly string[]): Promise<void> {
  show(stage, argv)
  await expectCode(runVerb(argv, stage.world, stage.signal), argv[0] ?? '')
}

/** The same, its output kept. */
async function capture(stage: Stage, argv: readonly string[]): Promise<string> {
  show(stage, [...argv, '>', join(stage.folder, 'report.json')])
  let text = ''
  const onStdout = (more: string) => void (text += more)
  await expectCode(runVerb(argv, stage.world, stage.signal, { onStdout }), argv[0] ?? '')
  return text
}

async function expectCode(ended: Promise<number>, verb: string): Promise<void> {
  const code = await ended
  if (!ANSWERS.has(code)) throw new TraceError('FAILED', `trace ${verb} ended with ${code}`)
}

function show(stage: Stage, argv: readonly string[]): void {
  const words = argv.map((word) => (/[ '*]/.test(word) ? `'${word}'` : word))
  say(stage, `\n${commandLines(words, stage.world.stdout.columns)}\n`)
}

/** As it can be pasted: broken before a flag, with the backslash that a shell wants. */
function commandLines(words: readonly string[], columns: number): string {
  const lines = ['$ trace']
  for (const [index, word] of words.entries()) {
    const line = lines.at(-1) ?? ''
    const value = words[index + 1] ?? ''
    const isBegin = /^(?:--|>)/.test(word)
    const needed = isBegin ? `${word} ${value}` : word
    if (isBegin && line.length + needed.length + 3 > columns) {
      lines[lines.length - 1] = `${line} \\`
      lines.push(`    ${word}`)
    } else lines[lines.length - 1] = `${line} ${word}`
  }
  return lines.join('\n')
}

function say({ world }: Stage, text: string): void {
  world.stdout.write(text)
}

function addressOf(url: string): string {
  return new URL(url).host
}
