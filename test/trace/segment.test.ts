import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RequestRow } from '../../src/trace/columns.ts'
import { rowDigest } from '../../src/trace/digest.ts'
import { newHeader, type TraceHeader } from '../../src/trace/header.ts'
import { openTrace } from '../../src/trace/open.ts'
import { openRecording, type Recording } from '../../src/trace/segment.ts'
import { openForAppending } from '../../src/trace/sqlite.ts'
import { scratchFolder } from '../support/scratch.ts'
import { readTables } from '../support/write-tables.ts'

const scratch = scratchFolder()

function recorded(overrides: Partial<TraceHeader> = {}): TraceHeader {
  return newHeader('recorded', { originWallUs: 1_000_000, ...overrides })
}

const begun = (seq: number): Partial<RequestRow> => ({ seq, atUs: seq * 10, endpoint: 'chat' })
const ended = (seq: number): Partial<RequestRow> => ({ ...begun(seq), status: 200, outcome: 'ok' })

async function outcomes(path: string): Promise<(string | null)[]> {
  const reader = await openTrace(path)
  const { request } = await readTables(reader)
  await reader.close()
  return request.map(({ outcome }) => outcome ?? null)
}

/** What is left on disk when the process dies at this moment. */
function killed(recording: Recording, name: string): string {
  const folder = scratch(name)
  mkdirSync(folder)
  const from = join(recording.segmentPath, '..')
  for (const file of readdirSync(from).filter((one) => !one.startsWith('.'))) {
    copyFileSync(join(from, file), join(folder, file))
  }
  return folder
}

test('a live recording can be read, each time as of one moment', async () => {
  const folder = scratch('live')
  const recording = openRecording(folder, recorded())
  recording.write({ open: [begun(0), begun(1)] })
  const reader = await openTrace(folder)
  recording.write({ completed: [ended(0)], open: [begun(2)] })
  expect((await readTables(reader)).request).toHaveLength(2)
  expect(reader.isComplete).toBe(false)
  await reader.close()
  expect(await outcomes(folder)).toEqual(['ok', 'unobserved_end', 'unobserved_end'])
  recording.close()
})

test('a closed recording is one file a segment, complete, its open rows ended', async () => {
  const folder = scratch('closed')
  const recording = openRecording(folder, recorded())
  recording.write({ open: [begun(0), begun(1)], blocks: [{ id: 1n, parent: null, tokens: 16 }] })
  recording.write({ completed: [ended(0)] })
  recording.close({ labels: { ended: 'cleanly' } })
  expect(readdirSync(folder)).toEqual(['000001.sqlite'])
  const reader = await openTrace(folder)
  expect(reader.isComplete).toBe(true)
  expect(reader.header.counts).toMatchObject({ request: 2, block: 1 })
  expect(reader.header.labels).toEqual({ ended: 'cleanly' })
  await reader.close()
  expect(await outcomes(folder)).toEqual(['ok', 'unobserved_end'])
})

test('after a kill every committed row is there, and the next recorder ends the open ones', async () => {
  const recording = openRecording(scratch('before-kill'), recorded())
  recording.write({ open: [begun(0), begun(1)], completed: [ended(2)] })
  const folder = killed(recording, 'after-kill')
  recording.close()
  expect(await outcomes(folder)).toEqual(['unobserved_end', 'unobserved_end', 'ok'])
  const next = openRecording(folder, recorded({ originWallUs: 1_500_000 }))
  expect(next.recovered).toEqual({ segments: 1, rows: 2 })
  expect(next.nextSeq).toBe(3)
  expect(next.isNew).toBe(false)
  next.write({ completed: [ended(3)] })
  next.close()
  expect(readdirSync(folder)).toEqual(['000001.sqlite', '000002.sqlite'])
  expect(await outcomes(folder)).toEqual(['unobserved_end', 'unobserved_end', 'ok', 'ok'])
})

test('a recording that goes on keeps its origin, and moves the clock anchors onto it', () => {
  const folder = scratch('origin')
  openRecording(folder, recorded()).close()
  const clock = { quantumUs: 1, anchors: [{ atUs: 5, wallUs: 3_000_005 }] }
  const next = openRecording(folder, recorded({ originWallUs: 3_000_000, clock }))
  expect(next.header.originWallUs).toBe(1_000_000)
  expect(next.header.clock.anchors).toEqual([{ atUs: 2_000_005, wallUs: 3_000_005 }])
  next.close()
})

test('a row stands in the segment in which it ended, and each segment has its own chains', async () => {
  const folder = scratch('rotated')
  const recording = openRecording(folder, recorded())
  const block = { id: 7n, parent: null, tokens: 16 }
  recording.write({ open: [begun(0), begun(1)], blocks: [block] })
  recording.write({ completed: [ended(1)] })
  expect(recording.hasBlock(7n)).toBe(true)
  recording.rotate()
  expect(recording.hasBlock(7n)).toBe(false)
  recording.write({ completed: [{ ...ended(0), prefixLeaf: 7n }], blocks: [block] })
  recording.close()
  const counts = await Promise.all(
    ['000001.sqlite', '000002.sqlite'].map(async (name) => {
      const reader = await openTrace(join(folder, name))
      await reader.close()
      return reader.header.counts?.request
    }),
  )
  expect(counts).toEqual([1, 1])
  expect(await outcomes(folder)).toEqual(['ok', 'ok'])
  const reader = await openTrace(folder)
  expect((await readTables(reader)).block).toEqual([block])
  await reader.close()
})

test('a row that a kill left in two segments is read once, from the later one', async () => {
  const folder = scratch('twins')
  const first = openRecording(folder, recorded())
  first.write({ open: [begun(0), begun(1)] })
  const copy = killed(first, 'twins-killed')
  first.close()
  const second = openRecording(copy, recorded())
  second.write({ completed: [ended(0)] })
  second.close()
  expect(await outcomes(copy)).toEqual(['ok', 'unobserved_end'])
})

test('one folder has one recorder', () => {
  const folder = scratch('busy')
  const recording = openRecording(folder, recorded())
  expect(() => openRecording(folder, recorded())).toThrowError(
    expect.objectContaining({ code: 'BAD_OPTION' }) as Error,
  )
  recording.close()
  openRecording(folder, recorded()).close()
})

test('a change is kept whole or not at all', async () => {
  const folder = scratch('atomic')
  const recording = openRecording(folder, recorded())
  const event = { atUs: 0, kind: null as unknown as string, detail: null }
  expect(() => recording.write({ completed: [ended(0)], events: [event] })).toThrow('event.kind')
  recording.write({ completed: [ended(1)] })
  recording.close()
  expect(await outcomes(folder)).toEqual(['ok'])
})

test('the digest of a folder does not depend on how it was cut into segments', async () => {
  const digests = []
  for (const every of [1, 3, 100]) {
    const recording = openRecording(scratch(`cut-${every}`), recorded())
    for (let seq = 0; seq < 9; seq += 1) {
      recording.write({
        completed: [ended(seq)],
        samples: [{ atUs: seq * 10, metric: 'm', labels: null, value: seq }],
        events: [{ atUs: 9 - seq, kind: 'mark', detail: null }],
      })
      if (seq % every === 0) recording.rotate()
    }
    recording.close()
    const reader = await openTrace(scratch(`cut-${every}`))
    digests.push(await rowDigest(reader))
    await reader.close()
  }
  expect(new Set(digests).size).toBe(1)
})

test('a chain that was begun before a rotation is whole in the new segment too', async () => {
  const folder = scratch('chains')
  const recording = openRecording(folder, recorded())
  const high = 2n ** 64n - 1n
  recording.write({
    completed: [ended(0)],
    blocks: [
      { id: 1n, parent: null, tokens: 16 },
      { id: high, parent: 1n, tokens: null },
    ],
  })
  recording.rotate()
  recording.write({
    completed: [{ ...ended(1), prefixLeaf: 3n }],
    blocks: [{ id: 3n, parent: high, tokens: 16 }],
  })
  recording.write({ blocks: [{ id: 9n, parent: 8n, tokens: 16 }] })
  recording.close()
  const reader = await openTrace(join(folder, '000002.sqlite'))
  expect((await readTables(reader)).block).toEqual([
    { id: 1n, parent: null, tokens: 16 },
    { id: high, parent: 1n, tokens: null },
    { id: 3n, parent: high, tokens: 16 },
    { id: 9n, parent: null, tokens: 16 },
  ])
  await reader.close()
})

test('a reader keeps a finished segment from being sealed, and nothing else from going on', async () => {
  const folder = scratch('read-meanwhile')
  const recording = openRecording(folder, recorded())
  recording.write({ open: [begun(0), begun(1)] })
  const reader = await openTrace(folder)
  recording.rotate()
  recording.write({ completed: [ended(0)] })
  expect(readdirSync(folder)).toContain('000001.sqlite-wal')
  expect((await readTables(reader)).request).toHaveLength(2)
  await reader.close()
  recording.write({ completed: [ended(1)] })
  expect(readdirSync(folder)).not.toContain('000001.sqlite-wal')
  recording.close()
  expect(readdirSync(folder)).toEqual(['000001.sqlite', '000002.sqlite'])
  expect(await outcomes(folder)).toEqual(['ok', 'ok'])
})

test('a segment whose end cannot be written at a rotation gets it once it can', async () => {
  const folder = scratch('end-later')
  const recording = openRecording(folder, recorded())
  recording.write({ open: [begun(0)], completed: [ended(1)] })
  const other = openForAppending(recording.segmentPath)
  other.exec('BEGIN IMMEDIATE')
  recording.rotate({ labels: { ended: 'later' } })
  recording.write({ completed: [ended(0)] })
  other.exec('ROLLBACK')
  other.close()
  recording.write({ completed: [ended(2)] })
  expect(readdirSync(folder)).not.toContain('000001.sqlite-wal')
  const reader = await openTrace(join(folder, '000001.sqlite'))
  expect(reader.isComplete).toBe(true)
  expect(reader.header).toMatchObject({ labels: { ended: 'later' }, counts: { request: 1 } })
  await reader.close()
  recording.close()
  expect(await outcomes(folder)).toEqual(['ok', 'ok', 'ok'])
})

test('a recording whose last end cannot be written lets go of its folder, and the next one ends it', async () => {
  const folder = scratch('end-never')
  const recording = openRecording(folder, recorded())
  recording.write({ open: [begun(0)] })
  const other = openForAppending(recording.segmentPath)
  other.exec('BEGIN IMMEDIATE')
  recording.close()
  other.exec('ROLLBACK')
  other.close()
  const next = openRecording(folder, recorded())
  expect(next.recovered).toEqual({ segments: 1, rows: 1 })
  next.close()
  expect(await outcomes(folder)).toEqual(['unobserved_end'])
})

test('a finished segment that is deleted while somebody reads it costs later rows nothing', async () => {
  const folder = scratch('deleted-meanwhile')
  const recording = openRecording(folder, recorded())
  recording.write({ completed: [ended(0)] })
  const reader = await openTrace(folder)
  await readTables(reader)
  recording.rotate()
  rmSync(join(folder, '000001.sqlite'))
  recording.write({ completed: [ended(1)] })
  await reader.close()
  recording.write({ completed: [ended(2)] })
  recording.close()
  expect(readdirSync(folder)).toEqual(['000002.sqlite'])
  expect(await outcomes(folder)).toEqual(['ok', 'ok'])
})

test('a rotation that fails leaves nothing behind', () => {
  const folder = scratch('failed-rotation')
  const recording = openRecording(folder, recorded())
  const row = begun(0)
  recording.write({ open: [row] })
  delete row.atUs
  expect(() => recording.rotate()).toThrow('request.')
  expect(readdirSync(folder).join()).not.toContain('000002')
  recording.close()
})

test('a chain of a segment that was deleted to make room begins anew', () => {
  const folder = scratch('made-room')
  const recording = openRecording(folder, recorded())
  recording.write({ blocks: [{ id: 1n, parent: null, tokens: 16 }] })
  recording.rotate()
  rmSync(join(folder, '000001.sqlite'))
  recording.write({ blocks: [{ id: 2n, parent: 1n, tokens: 16 }] })
  expect(recording.hasBlock(2n)).toBe(true)
  recording.close()
})
