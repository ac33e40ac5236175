/** Worker threads, started the same way from sources and from the build. Effects: starts threads. */
import { extname } from 'node:path'
import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * @param from the caller's import.meta.url
 * @param name the worker's file without its extension, e.g. './observe-worker'
 */
export function startThread(from: string, name: string, options: WorkerOptions = {}): Worker {
  const extension = extname(new URL(from).pathname)
  return new Worker(new URL(`${name}${extension}`, from), options)
}

export { MessageChannel, parentPort, workerData } from 'node:worker_threads'
export type { MessagePort, Worker } from 'node:worker_threads'
