import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { copyTrace } from '../../src/trace/copy.ts'
import { createTrace } from '../../src/trace/create.ts'
import { rowDigest } from '../../src/trace/digest.ts'
import { newHeader } from '../../src/trace/header.ts'
import { openTrace } from '../../src/trace/open.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { VECTOR_TRACES } from '../support/digest-vectors.ts'
import { ANY_TABLES } from '../support/random-rows.ts'
import { rowsTrace } from '../support/rows-trace.ts'
import { scratchFolder } from '../support/scratch.ts'
import { readTables, writeTables } from '../support/write-tables.ts'

const scratch = scratchFolder()
const CONTAINERS = ['sqlite', 'arrow'] as const

async function digestOf(path: string): Promise<string> {
  const reader = await openTrace(path)
  const digest = await rowDigest(reader)
  expect(reader.isComplete).toBe(true)
  expect(reader.header.rowDigest).toBe(digest)
  await reader.close()
  return digest
}

async function convert(from: string, to: string): Promise<void> {
  const reader = await openTrace(from)
  const writer = await createTrace(to, reader.header, { force: true })
  await copyTrace(reader, writer)
  await writer.finish()
  await reader.close()
}

test('an Arrow file whose footer, by which other programs read, tells another trace is refused', async () => {
  const path = scratch('footer.arrow')
  const bytes = readFileSync('fixtures/trace-v1.arrow')
  const inFooter = bytes.lastIndexOf('"vllm-trace"')
  expect(inFooter).toBeGreaterThan(bytes.indexOf('"vllm-trace"'))
  writeFileSync(path, bytes.with(inFooter + 1, 'V'.charCodeAt(0)))
  await expect(openTrace(path)).rejects.toMatchObject({
    code: 'TRACE_UNREADABLE',
    message: `${path}: its footer is not that of the rest of it`,
  })
})

test('a header that is none is refused with the name of its file', async () => {
  const path = scratch('kind.arrow')
  const text = readFileSync('fixtures/trace-v1.arrow', 'latin1')
  writeFileSync(path, text.replaceAll(/"kind":"([a-z]+)[a-z]"/g, '"kind":"$1X"'), 'latin1')
  await expect(openTrace(path)).rejects.toThrow(`${path}: the header's kind is not a known kind`)
})

test('any rows have one digest in both containers and after any round trip', async () => {
  await fc.assert(
    fc.asyncProperty(ANY_TABLES, async (tables) => {
      const expected = await rowDigest(rowsTrace(tables))
      await writeTables(scratch('a.sqlite'), tables)
      await writeTables(scratch('a.arrow'), tables)
      await convert(scratch('a.sqlite'), scratch('b.arrow'))
      await convert(scratch('b.arrow'), scratch('b.sqlite'))
      for (const name of ['a.sqlite', 'a.arrow', 'b.arrow', 'b.sqlite']) {
        expect(await digestOf(scratch(name))).toBe(expected)
      }
    }),
    { numRuns: 25 },
  )
}, 60_000)

describe.each(CONTAINERS)('a trace in %s', (container) => {
  const path = scratch(`one.${container}`)
  const [, , , tables] = VECTOR_TRACES

  test('gives back every value of every type', async () => {
    await writeTables(path, tables ?? {})
    const reader = await openTrace(path)
    const read = await readTables(reader)
    const [row] = read.request
    const chunkTimes = Uint8Array.from(row?.chunkTimes ?? [])
    expect({ ...row, chunkTimes }).toMatchObject(tables?.request?.[0] ?? {})
    expect({ ...read, request: [] }).toEqual({ ...tables, name: undefined, request: [] })
    expect(reader.header.counts).toEqual({ request: 1, block: 2, event: 1, gap: 1, sample: 1 })
    await reader.close()
  })

  test('can be read again and again, by any of its columns', async () => {
    const reader = await openTrace(path)
    for (const columns of [['model'], ['outcome', 'prefixLeaf'], ['tenant']] as const) {
      for await (const batch of reader.requests(columns)) expect(batch.rowCount).toBe(1)
    }
    await reader.close()
  })

  test('has its rows by time, however late they came', async () => {
    const count = 150_000
    const writer = await createTrace(path, newHeader('synthetic'), { force: true })
    // The first rows come last, far too late to be sorted in memory.
    const seqs = Float64Array.from({ length: count }, (_, index) => (index + 10_000) % count)
    for (let at = 0; at < count; at += 10_000) {
      const seq = seqs.slice(at, at + 10_000)
      await writer.addRequestBatch({
        rowCount: seq.length,
        columns: { seq, atUs: seq.map((n) => n * 10), endpoint: Array(seq.length).fill('chat') },
      })
    }
    await writer.addBlocks([{ id: 1n, parent: null, tokens: 16 }])
    await writer.addEvents([{ atUs: 3, kind: 'mark', detail: null }])
    await writer.finish()
    const reader = await openTrace(path)
    let next = 0
    for await (const { rowCount, columns } of reader.requests(['seq'])) {
      for (let row = 0; row < rowCount; row += 1) next += Number(columns.seq[row] === next)
    }
    expect(next).toBe(count)
    expect((await readTables(reader)).block).toHaveLength(1)
    expect(await reader.events()).toHaveLength(1)
    await reader.close()
    expect(readdirSync(dirname(path)).filter((name) => name.startsWith('.'))).toEqual([])
  }, 60_000)

  test('appears under its name only when it is whole', async () => {
    const other = scratch(`late.${container}`)
    const writer = await createTrace(other, newHeader('synthetic'))
    await writer.addRequests([{ seq: 0, atUs: 0, endpoint: 'chat' }])
    expect(existsSync(other)).toBe(false)
    await writer.abandon()
    expect(readdirSync(dirname(other)).filter((name) => name.includes('late'))).toEqual([])
  })

  test('does not replace a file unless it is told to', async () => {
    const other = scratch(`kept.${container}`)
    writeFileSync(other, 'precious')
    await expect(createTrace(other, newHeader('synthetic'))).rejects.toMatchObject({
      code: 'OUTPUT_EXISTS',
    })
    const writer = await createTrace(other, newHeader('synthetic'), { force: true })
    await writer.abandon()
    expect(readFileSync(other, 'utf8')).toBe('precious')
  })

  test('takes no row twice', async () => {
    const writer = await createTrace(scratch(`twice.${container}`), newHeader('synthetic'))
    const row: Partial<RequestRow> = { seq: 4, atUs: 0, endpoint: 'chat' }
    await writer.addRequests([row])
    await expect(writer.addRequests([{ ...row, atUs: 9 }])).rejects.toThrow('seq 4')
    await writer.abandon()
  })

  test('keeps a block once, and refuses one before its parent', async () => {
    const writer = await createTrace(path, newHeader('synthetic'), { force: true })
    const root = { id: 1n, parent: null, tokens: 16 }
    await writer.addBlocks([root, root])
    await writer.addBlocks([{ id: 2n, parent: 1n, tokens: 16 }, root])
    await expect(writer.addBlocks([{ id: 4n, parent: 3n, tokens: 16 }])).rejects.toThrow('parent')
    await writer.finish()
    const reader = await openTrace(path)
    expect((await readTables(reader)).block.map(({ id }) => id)).toEqual([1n, 2n])
    await reader.close()
  })
})

test('the container goes by the first bytes, not by the name', async () => {
  await writeTables(scratch('x.arrow'), {})
  writeFileSync(scratch('x.sqlite'), readFileSync(scratch('x.arrow')))
  expect((await openTrace(scratch('x.sqlite'))).isComplete).toBe(true)
})

test('a name that says no container is refused', async () => {
  await expect(createTrace(scratch('x.csv'), newHeader('synthetic'))).rejects.toMatchObject({
    code: 'BAD_OPTION',
  })
})
