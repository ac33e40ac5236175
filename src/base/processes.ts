/**
 * Helper processes of this program's own files, for work that only the end of a process can stop.
 * Effects: starts processes.
 *
 * A helper holds a channel to its parent and ends when that closes, however the parent ends.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { extname } from 'node:path'

export type Helper = ChildProcess

/**
 * Messages keep bigints and bytes.
 *
 * @param from the caller's import.meta.url
 * @param name the helper's file without its extension, e.g. './query-worker'
 */
export function startHelper(from: string, name: string, heapMb: number): Helper {
  const extension = extname(new URL(from).pathname)
  return fork(new URL(`${name}${extension}`, from), [String(process.pid)], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [`--max-old-space-size=${heapMb}`],
  })
}

/** In a helper's first thread, the only one that has its command line: who started it. */
export function parentPid(): number {
  return Number(process.argv[2])
}

/** In a helper, in any of its threads: whether the parent is gone. */
export function isOrphanOf(pid: number): boolean {
  return process.ppid !== pid
}

/** At once, from any of its threads. */
export function endProcess(): void {
  process.kill(process.pid, 'SIGKILL')
}

/** The helper's own side of the channel. */
export type Channel = Readonly<{
  /** Resolves once the message is on its way. */
  say(message: unknown): Promise<void>
  /** The next message; those that came before it was asked for are kept. */
  next(): Promise<unknown>
}>

/** In a helper; the parent's interrupts are the parent's to answer. */
export function channelToParent(): Channel {
  const waiting: unknown[] = []
  let wake: ((message: unknown) => void) | null = null
  process.on('SIGINT', () => undefined)
  process.on('disconnect', endProcess)
  process.on('message', (message) => {
    if (wake === null) waiting.push(message)
    else wake(message)
    wake = null
  })
  return {
    say: (message) =>
      new Promise((resolve) => {
        // What cannot be said has nobody to hear it: the parent is gone.
        process.send?.(message, (error: Error | null) =>
          error === null ? resolve() : endProcess(),
        )
      }),
    next: async () =>
      waiting.shift() ??
      new Promise((resolve) => {
        wake = resolve
      }),
  }
}
