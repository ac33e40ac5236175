/** The thread that checks large SQLite files, one after the other. Effects: reads the files. */
import { parentPort, workerData } from '../base/threads.ts'
import { quickCheck } from './quick-check.ts'

export type CheckVerdict = Readonly<{ problem: string | null }>

for (const path of workerData as readonly string[]) {
  parentPort?.postMessage({ problem: quickCheck(path) } satisfies CheckVerdict)
}
