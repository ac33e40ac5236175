/**
 * Runs `trace` verbs as a user would, each in a process of its own. Effects: child processes.
 *
 * A child holds a channel to this process and ends when it closes, so none is left behind, however
 * this process ends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../base/clock.ts'
import { TraceError } from '../base/errors.ts'
import type { World } from '../base/world.ts'

const PROGRAM = fileURLToPath(new URL('../../bin/trace.js', import.meta.url))

/** A server that does not stop when asked is stopped the hard way. */
const STOP_LIMIT_US = 10_000_000

export type VerbProcess = Readonly<{
  /** Exit code; 137 where a signal ended it, which only SIGKILL does. */
  ended: Promise<number>
  kill(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL'): void
}>

export type VerbOptions = Readonly<{
  /** Told of each piece of stdout and stderr; without it they go to the world's. */
  onText?: (text: string) => void
  /** Where stdout goes instead of the terminal. */
  onStdout?: (text: string) => void
}>

export function startVerb(
  argv: readonly string[],
  world: World,
  options: VerbOptions = {},
): VerbProcess {
  const { onText, onStdout } = options
  const isShown = onText === undefined
  const stdout = isShown && onStdout === undefined && world.stdout.isTTY ? 'inherit' : 'pipe'
  const stderr = isShown && world.stderr.isTTY ? 'inherit' : 'pipe'
  const child = spawn(process.execPath, [PROGRAM, ...argv], {
    cwd: world.cwd,
    env: { ...withoutSettings(world.env), TRACE_HANDED_OVER: '1' },
    stdio: ['ignore', stdout, stderr, 'ipc'],
  })
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    if (onStdout !== undefined) onStdout(text)
    else if (onText !== undefined) onText(text)
    else world.stdout.write(text)
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (onText !== undefined) onText(text)
    else world.stderr.write(text)
  })
  return { ended: endOf(child), kill: (signal) => void child.kill(signal) }
}

/** A child does what its words say: what the environment sets is meant for the verb that was typed. */
function withoutSettings(env: World['env']): World['env'] {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TRACE_')))
}

/** Runs one verb to its end. @returns its exit code */
export async function runVerb(
  argv: readonly string[],
  world: World,
  signal: AbortSignal,
  options: VerbOptions = {},
): Promise<number> {
  const verb = startVerb(argv, world, options)
  const stop = () => verb.kill('SIGINT')
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const code = await verb.ended
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  return code
}

/** Asks a verb to end, and waits until it has. @returns its exit code */
export async function stopVerb(verb: VerbProcess, clock: Clock): Promise<number> {
  const isOver = new AbortController()
  verb.kill('SIGINT')
  const killer = clock
    .sleepUntil(clock.nowUs() + STOP_LIMIT_US, isOver.signal)
    .then(() => verb.kill('SIGKILL'))
    .catch(() => undefined)
  const code = await verb.ended
  isOver.abort()
  await killer
  return code
}

async function endOf(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  child.once('error', (cause) =>
    reject(new TraceError('FAILED', `cannot start ${process.execPath}`, { cause })),
  )
  child.once('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 137)))
  return promise
}
