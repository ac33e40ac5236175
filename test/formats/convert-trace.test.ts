import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { createTrace } from '../../src/trace/create.ts'
import { newHeader } from '../../src/trace/header.ts'
import { openRecording } from '../../src/trace/segment.ts'
import { testWorld } from '../support/test-world.ts'

const ROWS = Array.from({ length: 50 }, (_, seq) => ({
  seq,
  atUs: seq * 1_000,
  endpoint: 'chat',
  promptTokens: 10 + seq,
  outputTokens: seq % 7,
  outcome: seq % 9 === 0 ? 'client_abort' : 'ok',
  prefixLeaf: 7n,
  chunkTimes: new Uint8Array([1, 2, seq]),
}))

async function trace(...argv: string[]) {
  const { world, said } = testWorld()
  return { code: await main(argv, world), ...said }
}

async function sample(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'trace-convert-'))
  const writer = await createTrace(join(folder, 'a.sqlite'), newHeader('recorded'))
  await writer.addBlocks([{ id: 7n, parent: null, tokens: 64 }])
  await writer.addRequests(ROWS)
  await writer.addEvents([{ atUs: 5, kind: 'mark', detail: '"deploy 42"' }])
  await writer.addGaps([{ fromUs: 1, toUs: 2, reason: 'queue_full', count: 3 }])
  await writer.addSamples([
    { atUs: 9, metric: 'vllm:num_requests_running', labels: null, value: 2 },
  ])
  await writer.finish({ licence: 'CC-BY-4.0' })
  return folder
}

test('SQLite to Arrow and back keeps every row, table and header field', async () => {
  const folder = await sample()
  const path = (name: string) => join(folder, name)
  expect((await trace('convert', path('a.sqlite'), path('b.arrow'))).code).toBe(0)
  expect((await trace('convert', path('b.arrow'), path('c.sqlite'))).code).toBe(0)
  const digests = await Promise.all(
    ['a.sqlite', 'b.arrow', 'c.sqlite'].map(
      async (name) => (await trace('inspect', '--digest', path(name))).out,
    ),
  )
  expect(digests[0]).toMatch(/^[0-9a-f]{64}\n$/)
  expect(new Set(digests).size).toBe(1)
  expect(await trace('diff', path('a.sqlite'), path('c.sqlite'))).toMatchObject({ code: 0 })
})

test('a live recording is copied as it stands, open rows included', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trace-convert-'))
  const recording = openRecording(join(folder, 'prod'), newHeader('recorded'))
  recording.write({ completed: ROWS.slice(1, 4).map((row) => ({ ...row, prefixLeaf: null })) })
  recording.write({ open: [{ seq: 9, atUs: 9_000, endpoint: 'chat' }] })
  const { code, out, err } = await trace('convert', join(folder, 'prod'), join(folder, 'b.arrow'))
  recording.close()
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toContain('4 requests')
  expect(out).toContain(
    'note       the input has no end mark: it is still being written, or was cut off',
  )
})

test('an output that exists is left alone without --force and replaced with it', async () => {
  const folder = await sample()
  const [input, output] = [join(folder, 'a.sqlite'), join(folder, 'b.arrow')]
  writeFileSync(output, 'mine')
  expect((await trace('convert', input, output)).code).toBe(2)
  expect(readFileSync(output, 'utf8')).toBe('mine')
  expect((await trace('convert', input, output, '--force')).code).toBe(0)
  expect((await trace('inspect', output)).code).toBe(0)
})
