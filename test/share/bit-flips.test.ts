/** One bit that flipped on a disk: what notices it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { TraceError } from '../../src/base/errors.ts'
import { sequenceFor } from '../../src/base/random.ts'
import { verifyTraces } from '../../src/share/sign.ts'
import { checkedDigest } from '../../src/share/whole-trace.ts'
import { openTrace } from '../../src/trace/open.ts'
import { scratchFolder } from '../support/scratch.ts'
import { readTables } from '../support/write-tables.ts'

const scratch = scratchFolder()
const FLIPS = 300

async function contentsOf(path: string): Promise<unknown> {
  const reader = await openTrace(path)
  try {
    return await readTables(reader)
  } finally {
    await reader.close()
  }
}

test.each(['sqlite', 'arrow'])(
  '%s: verify notices every flipped bit that changes what is read',
  async (container) => {
    const bytes = readFileSync(join('fixtures', `trace-v1.${container}`))
    const whole = await contentsOf(join('fixtures', `trace-v1.${container}`))
    const path = scratch(`flipped.${container}`)
    const draw = sequenceFor('bits', container)
    const count = { refused: 0, same: 0, noticed: 0, missed: 0 }
    for (let flip = 0; flip < FLIPS; flip += 1) {
      const damaged = Buffer.from(bytes)
      const at = Math.floor(draw() * bytes.length)
      damaged[at] = damaged[at]! ^ (1 << Math.floor(draw() * 8))
      writeFileSync(path, damaged)
      try {
        const isSame = isDeepStrictEqual(await contentsOf(path), whole)
        const [verification] = await verifyTraces(path, [])
        count[isSame ? 'same' : verification?.isIntact ? 'missed' : 'noticed'] += 1
      } catch (error) {
        if (!(error instanceof TraceError)) throw error
        count.refused += 1
      }
    }
    expect(count.missed).toBe(0)
    // Most of a small file is room that no row uses.
    expect(count.refused + count.noticed).toBeGreaterThan(FLIPS / 20)
  },
)

test('a trace with a changed number is neither signed nor pushed', async () => {
  const path = scratch('changed.sqlite')
  const bytes = readFileSync('fixtures/trace-v1.sqlite')
  const draw = sequenceFor('number', 'changed')
  const whole = await contentsOf('fixtures/trace-v1.sqlite')
  for (;;) {
    const damaged = Buffer.from(bytes)
    const at = Math.floor(draw() * bytes.length)
    damaged[at] = damaged[at]! ^ 1
    writeFileSync(path, damaged)
    const read = await contentsOf(path).catch(() => whole)
    if (!isDeepStrictEqual(read, whole)) break
  }
  await expect(checkedDigest(path)).rejects.toThrow('not those of its digest')
})
