import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { LargeUtf8, Table, tableToIPC, vectorFromArray } from 'apache-arrow'
import { describe, expect, test } from 'vitest'
import { rowDigest } from '../../src/trace/digest.ts'
import { newHeader } from '../../src/trace/header.ts'
import { formatHeader } from '../../src/trace/header-json.ts'
import { openTrace } from '../../src/trace/open.ts'
import { TABLE_NAMES } from '../../src/trace/table.ts'
import { createDatabase, createIndexes } from '../../src/trace/sqlite.ts'
import { VECTOR_TRACES } from '../support/digest-vectors.ts'
import { rowsTrace } from '../support/rows-trace.ts'
import { scratchFolder } from '../support/scratch.ts'
import { readTables, writeTables } from '../support/write-tables.ts'

const scratch = scratchFolder()
const [, , , TABLES = { name: '' }] = VECTOR_TRACES
const CONTAINERS = ['sqlite', 'arrow'] as const

/** Everything a reader gives, or the code with which it refuses. */
async function whatIsRead(path: string) {
  try {
    const reader = await openTrace(path)
    try {
      return { ...(await readTables(reader)), isComplete: reader.isComplete }
    } finally {
      await reader.close()
    }
  } catch (error) {
    return { code: (error as { code?: unknown }).code }
  }
}

type Seen = Awaited<ReturnType<typeof whatIsRead>>

function isPrefixOrRefused(seen: Seen, full: Seen): boolean {
  if ('code' in seen || 'code' in full) return 'code' in seen && seen.code === 'TRACE_UNREADABLE'
  return (
    !seen.isComplete &&
    TABLE_NAMES.every((table) => {
      const expected = full[table].slice(0, seen[table].length)
      return isDeepStrictEqual(seen[table], expected)
    })
  )
}

test.each(CONTAINERS)(
  'a %s file of format version 1 is read as on the day it was made',
  async (container) => {
    const reader = await openTrace(`fixtures/trace-v1.${container}`)
    expect(reader.isComplete).toBe(true)
    expect(reader.header.labels).toEqual({ made: 'by the first release' })
    expect(await rowDigest(reader)).toBe(await rowDigest(rowsTrace(TABLES)))
    expect(reader.header.rowDigest).toBe(await rowDigest(rowsTrace(TABLES)))
    await reader.close()
  },
)

describe.each(CONTAINERS)('a %s file', (container) => {
  test('cut off at any byte gives a prefix or an error, never another trace', async () => {
    const whole = readFileSync(`fixtures/trace-v1.${container}`)
    const path = scratch(`cut.${container}`)
    const full = await whatIsRead(`fixtures/trace-v1.${container}`)
    // Here every 97th byte; `npm run fuzz` takes each.
    for (let length = 0; length < whole.length; length += 97) {
      writeFileSync(path, whole.subarray(0, length))
      const seen = await whatIsRead(path)
      expect(isPrefixOrRefused(seen, full), `cut at ${length}`).toBe(true)
    }
  }, 60_000)

  test('with a bit turned anywhere gives rows or an error, and no crash', async () => {
    const whole = readFileSync(`fixtures/trace-v1.${container}`)
    const path = scratch(`bit.${container}`)
    const step = Math.ceil(whole.length / 150)
    for (let at = 0; at < whole.length; at += step) {
      const turned = Buffer.from(whole)
      turned[at] = (turned[at] ?? 0) ^ (1 << (at % 8))
      writeFileSync(path, turned)
      const seen = await whatIsRead(path)
      expect('code' in seen ? seen.code : 'read').toMatch(/^(?:read|TRACE_UNREADABLE|TRACE_NEWER)$/)
    }
  }, 60_000)
})

test('an Arrow file cut between two batches is known to be incomplete, and gives what came before', async () => {
  const path = scratch('batches.arrow')
  const request = Array.from({ length: 33_000 }, (_, seq) => ({ seq, atUs: seq, endpoint: 'chat' }))
  await writeTables(path, { request })
  const whole = readFileSync(path)
  // The second message of rows ends where the one with the end mark begins.
  const cut = whole.lastIndexOf(Buffer.from('ffffffff', 'hex'), whole.indexOf('trace.end'))
  writeFileSync(path, whole.subarray(0, cut))
  const reader = await openTrace(path)
  expect(reader.isComplete).toBe(false)
  expect((await readTables(reader)).request).toHaveLength(33_000)
  await reader.close()
})

test('texts and bytes with 64-bit offsets are read as those with 32', async () => {
  const large = await openTrace('fixtures/pyarrow-large.arrow')
  const small = await openTrace('fixtures/trace-v1.arrow')
  const rows = (await readTables(small)).request
  expect(rows.length).toBeGreaterThan(0)
  expect((await readTables(large)).request).toEqual(rows)
  // What pyarrow drops is the end mark: such a file is a trace without its end.
  expect(large.isComplete).toBe(false)
  await Promise.all([large.close(), small.close()])
})

test('an Arrow file that another program wrote is named, with the way to read it', async () => {
  const path = scratch('other.arrow')
  const table = new Table({ at_us: vectorFromArray(['a'], new LargeUtf8()) })
  for (const bytes of [tableToIPC(table, 'file'), tableToIPC(table, 'file').fill(0, 8, 24)]) {
    writeFileSync(path, bytes)
    await expect(openTrace(path)).rejects.toMatchObject({
      message: `${path}: an Arrow file, but not a trace`,
      hint: expect.stringContaining('--format arrow') as unknown,
    })
  }
})

test.each([
  ['missing', 'nothing.sqlite', null],
  ['empty', 'empty.sqlite', ''],
  ['of another format', 'text.arrow', 'TIMESTAMP,ContextTokens,GeneratedTokens\n'],
])('a file that is %s is refused as unreadable', async (_what, name, content) => {
  if (content !== null) writeFileSync(scratch(name), content)
  await expect(openTrace(scratch(name))).rejects.toMatchObject({ code: 'TRACE_UNREADABLE' })
})

test('a newer format is refused by name, in both containers', async () => {
  const header = newHeader('synthetic', { formatVersion: 2, oldestReader: 2 })
  for (const container of CONTAINERS) {
    await expect(writeTables(scratch(`newer.${container}`), {}, header)).rejects.toMatchObject({
      code: 'TRACE_NEWER',
    })
  }
})

function foreign(name: string, ...statements: string[]): string {
  const path = scratch(name)
  rmSync(path, { force: true })
  const connection = createDatabase(path)
  createIndexes(connection)
  const json = formatHeader(newHeader('synthetic')).replaceAll("'", "''")
  connection.exec(`INSERT INTO header VALUES ('start', '${json}'), ('end', '${json}')`)
  for (const statement of statements) connection.exec(statement)
  connection.close()
  return path
}

test.each([
  [
    'a view that takes the place of a table',
    'DROP TABLE gap',
    'CREATE VIEW gap AS SELECT 1 AS from_us',
  ],
  ['a trigger', 'CREATE TRIGGER t AFTER INSERT ON gap BEGIN DELETE FROM request; END'],
  ['a column of its own', 'ALTER TABLE gap ADD COLUMN more TEXT'],
  ['a generated column', 'ALTER TABLE gap ADD COLUMN more INTEGER AS (count * 2)'],
  ['a table of its own', 'CREATE TABLE extra (a TEXT)'],
  ['an index that is gone', 'DROP INDEX request_by_time'],
])('an SQLite file with %s is not read', async (_what, ...statements) => {
  const path = foreign('foreign.sqlite', ...statements)
  await expect(openTrace(path)).rejects.toMatchObject({ code: 'TRACE_UNREADABLE' })
})

test('an SQLite database that is no trace says so', async () => {
  const path = foreign('other.sqlite', 'PRAGMA application_id = 7')
  await expect(openTrace(path)).rejects.toThrow('not a trace')
})

test('rows that claim to be in order, and are not, are refused', async () => {
  const path = foreign(
    'disorder.sqlite',
    "INSERT INTO header VALUES ('order', '\"seq\"')",
    "INSERT INTO request (seq, at_us, endpoint) VALUES (0, 5, 'chat'), (1, 4, 'chat')",
  )
  expect(await whatIsRead(path)).toEqual({ code: 'TRACE_UNREADABLE' })
})

test('a block before its parent is refused, and so is one that is its own', async () => {
  for (const [id, parent] of [
    [1, 2],
    [3, 3],
  ]) {
    const path = foreign('blocks.sqlite', `INSERT INTO block VALUES (${id}, ${parent}, 16)`)
    expect(await whatIsRead(path)).toEqual({ code: 'TRACE_UNREADABLE' })
  }
})

test('a text longer than MAX_TEXT_BYTES is refused by that name', async () => {
  const path = foreign(
    'long.sqlite',
    "INSERT INTO request (seq, at_us, endpoint) VALUES (0, 0, printf('%.*c', 2000000, 'x'))",
  )
  const reader = await openTrace(path)
  await expect(readTables(reader)).rejects.toThrow('MAX_TEXT_BYTES')
  await reader.close()
})

test('an Arrow buffer that would fill the memory is not inflated', async () => {
  const path = scratch('bomb.arrow')
  await writeTables(path, { request: [{ seq: 0, atUs: 0, endpoint: 'chat' }] })
  const whole = readFileSync(path)
  // Any stored buffer's length prefix, −1 or a small number, becomes 1 TB.
  const at = whole.indexOf(Buffer.from('ffffffffffffffff', 'hex'))
  whole.writeBigInt64LE(1_000_000_000_000n, at)
  writeFileSync(path, whole)
  expect(at).toBeGreaterThan(0)
  expect(await whatIsRead(path)).toEqual({ code: 'TRACE_UNREADABLE' })
})

test('an Arrow file of somebody else says that it is no trace', async () => {
  const path = scratch('theirs.arrow')
  const whole = readFileSync('fixtures/trace-v1.arrow')
  writeFileSync(
    path,
    Buffer.from(whole.toString('latin1').replaceAll('trace.header', 'other.header'), 'latin1'),
  )
  await expect(openTrace(path)).rejects.toThrow('not a trace')
})

test('a large SQLite file is checked in a thread beside its reading', async () => {
  const path = scratch('large.sqlite')
  const params = JSON.stringify({ filler: 'x'.repeat(900) })
  const request = Array.from({ length: 6_000 }, (_, seq) => ({
    seq,
    atUs: seq,
    endpoint: 'chat',
    params,
  }))
  await writeTables(path, { request })
  const sound = await openTrace(path)
  expect((await readTables(sound)).request).toHaveLength(6_000)
  await sound.close()
  const bytes = readFileSync(path)
  expect(bytes.length).toBeGreaterThan(4_194_304)
  // A page of the last table's rows is overwritten with a page of other rows.
  bytes.copy(bytes, bytes.length - 300 * 4_096, 100 * 4_096, 101 * 4_096)
  writeFileSync(path, bytes)
  await expect(whatIsRead(path)).resolves.toEqual({ code: 'TRACE_UNREADABLE' })
})
