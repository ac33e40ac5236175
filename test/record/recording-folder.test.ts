import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Clock } from '../../src/base/clock.ts'
import type { ObserverConfig } from '../../src/record/observer-config.ts'
import { RecordingFolder } from '../../src/record/recording-folder.ts'
import { newHeader } from '../../src/trace/header.ts'
import { openTrace } from '../../src/trace/open.ts'
import { scratchFolder } from '../support/scratch.ts'

const scratch = scratchFolder()

const EPOCH_US = 1_700_000_000_000_000

/** A wall clock that gains a µs in a hundred. */
function gainingClock() {
  const time = { nowUs: 5_000 }
  const wallUs = () => EPOCH_US + Math.round(time.nowUs * 1.01)
  const clock: Clock = { nowUs: () => time.nowUs, wallUs, sleepUntil: async () => undefined }
  return { time, clock }
}

function folderAt(directory: string, clock: Clock, segments = 0) {
  const wallUs = clock.wallUs()
  const header = newHeader('recorded', {
    originWallUs: wallUs,
    clock: { quantumUs: 1, anchors: [{ atUs: 0, wallUs }] },
  })
  const retention = { segments, ageUs: 0, bytes: 0 }
  const config = { directory, header, retention, originUs: 5_000 } as unknown as ObserverConfig
  return new RecordingFolder(config, clock)
}

test('what cannot be deleted or measured stops nothing, and the size stays as it was', () => {
  const directory = scratch('in-the-way')
  const folder = folderAt(directory, gainingClock().clock, 1)
  const recording = folder.open()
  mkdirSync(join(directory, '000000.sqlite'))
  folder.retain(recording)
  expect(folder.size.segments).toBe(2)
  recording.close()
  rmSync(directory, { recursive: true })
  writeFileSync(directory, 'a file where the folder was')
  folder.measure()
  expect(folder.size.segments).toBe(2)
})

test('a recording says how far its clocks went apart, at each rotation and at its end', async () => {
  const { time, clock } = gainingClock()
  const directory = scratch('anchors')
  const wallUs = clock.wallUs()
  const folder = folderAt(directory, clock)
  const recording = folder.open()
  time.nowUs += 1_000_000
  recording.rotate(folder.lateHeader())
  time.nowUs += 2_000_000
  recording.close(folder.lateHeader())
  const reader = await openTrace(directory)
  await reader.close()
  expect(reader.header.clock.anchors).toEqual([
    { atUs: 0, wallUs },
    { atUs: 1_000_000, wallUs: wallUs + 1_010_000 },
    { atUs: 3_000_000, wallUs: wallUs + 3_030_000 },
  ])
})
