/** A recorder under an operator's eyes that nothing happens to but what a test says. */
import type { RecordControl } from '../../src/record/control.ts'
import { NO_COUNTS } from '../../src/record/record-counts.ts'
import type { RecordStatus } from '../../src/record/record-text.ts'
import { LiveResults } from '../../src/replay/live-results.ts'
import { emptyTally } from '../../src/stats/octaves.ts'

export const QUIET_STATUS: RecordStatus = {
  elapsedUs: 0,
  counts: NO_COUNTS,
  unrecorded: 0,
  connections: 0,
  delays: emptyTally(),
  degraded: null,
  upstreamProblem: null,
}

export function quietControl(status: () => RecordStatus = () => QUIET_STATUS): RecordControl {
  return {
    status,
    answers: new LiveResults(0),
    isDraining: false,
    isPaused: false,
    setPaused: () => undefined,
    rotate: () => undefined,
    mark: () => undefined,
  }
}
