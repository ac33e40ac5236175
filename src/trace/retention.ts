/** How much of a recording's past is kept. Effects: deletes finished segments. */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Recording } from './segment.ts'

const SEGMENT_NAME = /^\d{6}\.sqlite$/

/** In the order in which they were begun. */
export function segmentNames(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => SEGMENT_NAME.test(name))
    .toSorted()
}

/** 0 is no limit. Limits count finished segments and the one being written. */
export type RetentionLimits = Readonly<{
  segments: number
  bytes: number
  /** Since the segment was finished. */
  ageUs: number
}>

/** The file may have been removed under its writer, who does not notice. */
export function segmentIsThere(recording: Recording): boolean {
  return existsSync(recording.segmentPath)
}

/**
 * Deletes the oldest finished segments until the limits hold; the one being written always stays.
 *
 * @param nowWallUs µs since 1970
 * @returns how many were deleted
 */
export function retainSegments(
  directory: string,
  recording: Recording,
  limits: RetentionLimits,
  nowWallUs: number,
): number {
  const finished = segmentNames(directory)
    .map((name) => join(directory, name))
    .filter((path) => path !== recording.segmentPath)
    .flatMap((path) => {
      // Another hand may be clearing up, too.
      const stat = statSync(path, { throwIfNoEntry: false })
      return stat === undefined ? [] : [{ path, stat }]
    })
  let bytes = finished.reduce((sum, { stat }) => sum + stat.size, recording.segmentBytes)
  let count = finished.length + 1
  let deleted = 0
  for (const { path, stat } of finished) {
    const isOld = limits.ageUs > 0 && stat.mtimeMs * 1_000 < nowWallUs - limits.ageUs
    const isMany = limits.segments > 0 && count > limits.segments
    const isLarge = limits.bytes > 0 && bytes > limits.bytes
    if (!isOld && !isMany && !isLarge) continue
    rmSync(path, { force: true })
    bytes -= stat.size
    count -= 1
    deleted += 1
  }
  return deleted
}

/** Bytes and number of all segments; null where the folder cannot be read. */
export function measureSegments(directory: string): { segments: number; bytes: number } | null {
  try {
    const sizes = segmentNames(directory).map(
      (name) => statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0,
    )
    return { segments: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
  } catch {
    return null
  }
}
