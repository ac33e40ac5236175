import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { scratchFolder } from '../support/scratch.ts'
import { testWorld } from '../support/test-world.ts'
import { writeTables } from '../support/write-tables.ts'

const scratch = scratchFolder()

async function run(...argv: string[]) {
  const { world, said } = testWorld()
  return { code: await main(argv, world), ...said }
}

async function sample(name = 'one.arrow'): Promise<string> {
  const request = Array.from({ length: 4 }, (_, seq) => ({
    seq,
    atUs: seq * 1_000_000,
    endpoint: 'chat',
    model: seq < 2 ? 'a' : 'b',
    promptTokens: 100 + seq,
  }))
  await writeTables(scratch(name), { request })
  return scratch(name)
}

test('head shows the first rows, with the columns that have values', async () => {
  const { code, out } = await run('head', await sample(), '--rows', '2')
  expect(code).toBe(0)
  expect(out).toBe(
    'seq  model  endpoint    at_us  prompt_tokens\n' +
      '  0  a      chat            0            100\n' +
      '  1  a      chat      1000000            101\n',
  )
})

test('head shows the columns that are asked for, and names one that is not there', async () => {
  const path = await sample()
  const { out } = await run(
    'head',
    path,
    '--rows',
    '1',
    '--columns',
    'seq,tenant',
    '--format',
    'csv',
  )
  expect(out).toBe('seq,tenant\n0,\n')
  const wrong = await run('head', path, '--columns', 'tokens')
  expect(wrong.code).toBe(2)
  expect(wrong.err).toContain("no column 'tokens'")
})

test('head shows on a terminal the columns for which it has room, and how many it left out', async () => {
  const path = await sample()
  const { world, said } = testWorld()
  const stdout = { ...world.stdout, isTTY: true, columns: 32 }
  expect(await main(['head', path, '--rows', '1'], { ...world, stdout })).toBe(0)
  expect(said.out).toBe('seq  model  at_us  prompt_tokens\n  0  a          0            100\n')
  expect(said.err).toContain('1 column left out')
})

test('query answers SQL', async () => {
  const sql = 'select model, sum(prompt_tokens) n from request group by 1 order by 1'
  const { code, out } = await run('query', await sample(), sql, '--format', 'jsonl')
  expect(code).toBe(0)
  expect(out).toBe('{"model":"a","n":201}\n{"model":"b","n":205}\n')
})

test('slice, merge and diff work together: the parts make the whole again', async () => {
  const path = await sample()
  await run('slice', path, scratch('first.sqlite'), '--to', '2s', '--force')
  const second = await run('slice', path, scratch('second.arrow'), '--from', '2s', '--force')
  expect(second.out).toContain('2 of 4 requests')
  const parts = [scratch('first.sqlite'), scratch('second.arrow')]
  const merged = await run('merge', ...parts, '--out', scratch('whole.sqlite'), '--force')
  expect(merged.out).toContain('4 requests')
  const { code, out } = await run('diff', path, scratch('whole.sqlite'))
  expect(code).toBe(99)
  expect(out).toContain('only second  2 requests')
})

test('diff of a trace with its copy in the other container exits 0', async () => {
  const path = await sample()
  const { code, out } = await run('diff', path, await sample('copy.sqlite'))
  expect(code).toBe(0)
  expect(out).toBe('same rows  4 and 4 requests\n')
})

test.each([
  ['head', 'missing.arrow'],
  ['query', 'missing.arrow', 'select 1'],
  ['slice', 'missing.arrow', 'out.arrow'],
  ['diff', 'missing.arrow', 'missing.arrow'],
  ['merge', 'missing.arrow', 'missing.arrow', '--out', 'out.arrow'],
])('%s of a file that is missing exits 3 with one sentence', async (...argv) => {
  const { code, err } = await run(...argv)
  expect(code).toBe(3)
  expect(err).toContain('missing.arrow is not there')
})

test('inspect warns of a cut file of which no request can be read, whatever it prints', async () => {
  const path = scratch('cut.arrow')
  const bytes = readFileSync('fixtures/trace-v1.arrow')
  // Behind the schema and a first batch, which is of blocks.
  writeFileSync(path, bytes.subarray(0, 10_000))
  for (const form of [[], ['--json']]) {
    const { code, err } = await run('inspect', path, ...form)
    expect(code).toBe(0)
    expect(err).toContain('no request can be read, and no end mark')
  }
  writeFileSync(path, bytes.subarray(0, 20_000))
  expect((await run('inspect', path)).err).toBe('')
})
