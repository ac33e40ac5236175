/** The secret behind the ids: made once, private, never a reason not to start. */
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadKey } from '../../src/record/key-file.ts'

let folder = ''
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'trace-key-'))))
afterAll(() => rmSync(folder, { recursive: true }))

test('a missing key is made for its owner alone, and found again', async () => {
  const path = join(folder, 'made.key')
  const made = await loadKey(path, undefined)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readFileSync(path, 'utf8').trim()).toHaveLength(64)
  expect(await loadKey(path, undefined)).toEqual(made)
})

test('the environment wins, and a short key is refused by name', async () => {
  const path = join(folder, 'other.key')
  const { secret } = await loadKey(path, 'sixteen letters!')
  expect(Buffer.from(secret).toString()).toBe('sixteen letters!')
  await expect(loadKey(path, 'short')).rejects.toThrow('TRACE_KEY')
  writeFileSync(path, 'short\n')
  await expect(loadKey(path, undefined)).rejects.toThrow('--key-file')
})

test('a key that others can read works, with a warning', async () => {
  const path = join(folder, 'open.key')
  writeFileSync(path, 'x'.repeat(40))
  chmodSync(path, 0o644)
  expect((await loadKey(path, undefined)).problem).toContain('can be read by others')
})

test('a key that can be neither read nor made gives ids of this run only', async () => {
  const { secret, problem } = await loadKey(join(folder, 'no', 'such', 'folder.key'), undefined)
  expect(secret).toHaveLength(64)
  expect(problem).toContain('match those of no other')
})

test('a key that is there and cannot be read is not written over', async () => {
  const path = join(folder, 'loop.key')
  symlinkSync(path, path)
  const { secret, problem } = await loadKey(path, undefined)
  expect(secret).toHaveLength(64)
  expect(problem).toContain('match those of no other')
  expect(readlinkSync(path)).toBe(path)
})
