/** Thread that sleeps until an instant, tells the thread that asked, and sleeps again. Effects: messages. */
import { systemClock } from '../base/clock.ts'
import { workerData } from '../base/threads.ts'
import { FOREVER, type MetronomeData } from './metronome.ts'

function run({ memory, port }: MetronomeData): void {
  const generations = new Int32Array(memory, 0, 1)
  const instants = new BigInt64Array(memory, 8, 2)
  let rung = -1
  for (;;) {
    // Awake: whoever changes the instant now need not wake this thread.
    Atomics.store(instants, 1, 0n)
    const generation = Atomics.load(generations, 0)
    if (generation < 0) return
    const wakeAt = generation === rung ? FOREVER : Atomics.load(instants, 0)
    const leftUs = wakeAt === FOREVER ? Infinity : Number(wakeAt) - systemClock.nowUs()
    if (leftUs > 0) {
      Atomics.store(instants, 1, wakeAt)
      Atomics.wait(generations, 0, generation, leftUs / 1_000)
    } else {
      rung = generation
      port.postMessage(null)
    }
  }
}

run(workerData as MetronomeData)
