/** A recorder's process that is killed while it writes loses nothing that it had written. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { newHeader } from '../../src/trace/header.ts'
import { openTrace } from '../../src/trace/open.ts'
import { openRecording } from '../../src/trace/segment.ts'
import { scratchFolder } from '../support/scratch.ts'
import { readTables } from '../support/write-tables.ts'

const scratch = scratchFolder()

async function rowsOf(folder: string) {
  const reader = await openTrace(folder)
  const { request, block } = await readTables(reader)
  await reader.close()
  return { request, block, isComplete: reader.isComplete }
}

test('after SIGKILL every row whose write had returned is there, and readable at once', async () => {
  const folder = scratch('killed')
  const script = new URL('../support/endless-recorder.ts', import.meta.url)
  const child = fork(script, [folder])
  let written = 0
  child.on('message', (count: number) => {
    written = count
    if (count >= 60) child.kill('SIGKILL')
  })
  await once(child, 'exit')

  const live = await rowsOf(folder)
  expect(live.isComplete).toBe(false)
  expect(live.request.length).toBeGreaterThanOrEqual(written)
  expect(live.request.map(({ seq }) => seq)).toEqual(live.request.map((_, index) => index))
  const open = live.request.filter(({ outcome }) => outcome === 'unobserved_end')
  expect(open).toHaveLength(1)
  // A chain is written with the row that ends it, never after.
  const ids = new Set(live.block.map(({ id }) => id))
  expect(
    live.request.every(({ prefixLeaf }) => prefixLeaf === null || ids.has(prefixLeaf ?? 0n)),
  ).toBe(true)

  const next = openRecording(folder, newHeader('recorded', { originWallUs: 1_000 }))
  expect(next.recovered).toEqual({ segments: 1, rows: 1 })
  expect(next.nextSeq).toBe(live.request.length)
  next.close()
  const recovered = await rowsOf(folder)
  expect(recovered.isComplete).toBe(true)
  expect(recovered.request).toEqual(live.request)
})
