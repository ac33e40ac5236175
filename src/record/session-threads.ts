/** How a session starts its threads. Effects: starts them. */
import { startThread, type Worker } from '../base/threads.ts'
import type { ObserverConfig } from './observer-config.ts'
import type { RelayWork } from './relay-messages.ts'

const OBSERVER_HEAP_MB = 1_024
/** What the observer makes lives for one answer: without a bound this space grows to 160 MB. */
const OBSERVER_YOUNG_MB = 24

export type SessionThreads = Readonly<{
  observer: (config: ObserverConfig) => Worker
  relay: (work: RelayWork) => Worker
}>

export const USUAL_THREADS: SessionThreads = {
  observer(config) {
    // An observer that runs out of memory dies alone, and a new one is started.
    const resourceLimits = {
      maxOldGenerationSizeMb: OBSERVER_HEAP_MB,
      maxYoungGenerationSizeMb: OBSERVER_YOUNG_MB,
    }
    return startThread(import.meta.url, './observe-worker', { workerData: config, resourceLimits })
  },
  relay: (work) => startThread(import.meta.url, './relay-worker', { workerData: work }),
}
