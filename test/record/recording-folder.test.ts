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

test('a recording says how far its clocks went apart, at each rotation and at its end', async () => {
  const { time, clock } = gainingClock()
  const directory = scratch('anchors')
  const wallUs = clock.wallUs()
  const header = newHeader('recorded', {
    originWallUs: wallUs,
    clock: { quantumUs: 1, anchors: [{ atUs: 0, wallUs }] },
  })
  const retention = { segments: 0, ageUs: 0, bytes: 0 }
  const config = { directory, header, retention, originUs: 5_000 } as unknown as ObserverConfig
  const folder = new RecordingFolder(config, clock)
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
