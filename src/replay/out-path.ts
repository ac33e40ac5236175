/** A name for a result that nobody named. Effects: looks whether files exist. */
import { basename } from 'node:path'
import { TraceError } from '../base/errors.ts'
import { refuseExisting } from '../base/files.ts'

const MOST_NAMES = 10_000

/** 'azure.arrow' → 'azure.replay.sqlite', 'azure.replay-2.sqlite', … in the current folder. */
export function freeOutPath(sourcePath: string): string {
  const stem = basename(sourcePath).replace(/\.(?:sqlite|arrow)$/, '') || 'trace'
  for (let number = 1; number < MOST_NAMES; number += 1) {
    const path = `${stem}.replay${number === 1 ? '' : `-${number}`}.sqlite`
    if (isFree(path)) return path
  }
  throw new TraceError(
    'OUTPUT_EXISTS',
    `${stem}.replay.sqlite and ${MOST_NAMES} more exist already`,
  )
}

function isFree(path: string): boolean {
  try {
    refuseExisting(path, false)
    return true
  } catch {
    return false
  }
}
