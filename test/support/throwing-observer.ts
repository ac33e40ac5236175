/** Starts observers that throw. Effects: threads. */
import { startThread, type Worker } from '../../src/base/threads.ts'
import type { ObserverConfig } from '../../src/record/observer-config.ts'

/** Bytes that the observer throws on; its exception quotes all that came with them. */
export const POISON = 'sk-poison-7f3a'

/** @param isStillborn throws before it says anything */
export function startThrowingObserver(config: ObserverConfig, isStillborn: boolean): Worker {
  return startThread(import.meta.url, './throwing-observer-worker', {
    workerData: { ...config, isStillborn },
    stderr: true,
    stdout: true,
  })
}
