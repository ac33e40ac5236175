/** Worker threads, started the same way from sources and from the build. Effects: starts threads. */
import { setPriority } from 'node:os'
import { extname } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * @param from the caller's import.meta.url
 * @param name the worker's file without its extension, e.g. './observe-worker'
 */
export function startThread(from: string, name: string, options: WorkerOptions = {}): Worker {
  const extension = extname(new URL(from).pathname)
  return new Worker(new URL(`${name}${extension}`, from), options)
}

/**
 * Lets the other threads of this process go first, where the system can tell threads apart.
 * On Linux a priority set for process 0 is that of the calling thread only.
 *
 * @param niceness 0 changes nothing; 19 takes only what all others leave
 */
export function giveWay(niceness: number): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(0, niceness)
  } catch {
    // Not allowed here: then all threads stay equal, as without the call.
  }
}

/**
 * Threads that are started from here on look among what lives long for what does not only when it takes so
 * much: a look takes tens of ms, in which a thread does nothing else.
 *
 * @param sizeMb 0: when V8 thinks best
 */
export function lookForGarbageFrom(sizeMb: number): void {
  setFlagsFromString(`--initial-old-space-size=${sizeMb}`)
}

const nobody = new Int32Array(new SharedArrayBuffer(4))

/** Stops this thread, its event loop too, for about so long; other threads get its core. */
export function sleepThread(forUs: number): void {
  Atomics.wait(nobody, 0, 0, forUs / 1_000)
}

export { MessageChannel, parentPort, workerData } from 'node:worker_threads'
export type { MessagePort, Worker } from 'node:worker_threads'
