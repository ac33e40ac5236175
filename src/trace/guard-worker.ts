/**
 * The thread that ends its whole process once that holds more memory than it may, or its parent is gone:
 * SQLite at work hears nothing and has no bound of its own. Effects: may end the process.
 */
import { pause } from '../base/clock.ts'
import { processMemoryBytes } from '../base/machine.ts'
import { endProcess, isOrphanOf } from '../base/processes.ts'
import { workerData } from '../base/threads.ts'

const LOOK_US = 20_000

export type Guarded = Readonly<{ memoryBytes: number; parentPid: number }>

const { memoryBytes, parentPid } = workerData as Guarded
while (processMemoryBytes() <= memoryBytes && !isOrphanOf(parentPid)) await pause(LOOK_US)
endProcess()
