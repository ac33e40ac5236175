/** Work that comes round again until it is stopped. Effects: timers. */
import { pause } from '../base/clock.ts'

/** Calls `act` about every `periodUs` until the signal; resolves then. */
export async function every(periodUs: number, signal: AbortSignal, act: () => void): Promise<void> {
  try {
    for (;;) {
      await pause(periodUs, signal)
      act()
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
