/** Figures of observers that followed one another. Pure. */
import type { ObserverCounts } from './messages.ts'

export const NO_COUNTS: ObserverCounts = {
  requests: 0,
  inFlight: 0,
  unwritten: 0,
  recorded: 0,
  hungUp: 0,
  failed: 0,
  unreadable: 0,
  passed: 0,
  serverCounted: 0,
  gapRows: 0,
  lostRows: 0,
  segments: 0,
  fileBytes: 0,
}

/** Sums of two observers, but for what only the later one can know. */
export function addCounts(before: ObserverCounts, now: ObserverCounts): ObserverCounts {
  return {
    requests: before.requests + now.requests,
    inFlight: now.inFlight,
    unwritten: now.unwritten,
    recorded: before.recorded + now.recorded,
    hungUp: before.hungUp + now.hungUp,
    failed: before.failed + now.failed,
    unreadable: before.unreadable + now.unreadable,
    passed: before.passed + now.passed,
    serverCounted: before.serverCounted + now.serverCounted,
    gapRows: before.gapRows + now.gapRows,
    lostRows: before.lostRows + now.lostRows,
    segments: now.segments,
    fileBytes: now.fileBytes,
  }
}
