/** Which sending thread a request belongs to: all of a session go to the same one. Pure. */
import { NONE } from '../workload/plan.ts'

/**
 * @param session index of the session in the plan, or NONE
 * @param root index of the request that this one goes back to, which decides where there is no session
 */
export function workerOf(session: number, root: number, workers: number): number {
  const key = session === NONE ? root : session
  // Knuth's multiplicative hash: neighbours go to different threads.
  return ((Math.imul(key, 0x9e3779b1) >>> 0) % workers) | 0
}
