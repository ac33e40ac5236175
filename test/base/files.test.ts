import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkOutput, readText, refuseExisting, writeWhole } from '../../src/base/files.ts'

const folder = () => mkdtemp(join(tmpdir(), 'trace-files-'))

test('a file is replaced whole, and nothing else is left behind', async () => {
  const path = join(await folder(), 'a.json')
  await writeFile(path, 'old')
  await writeWhole(path, 'new')
  expect(await readFile(path, 'utf8')).toBe('new')
  expect(await readdir(join(path, '..'))).toEqual(['a.json'])
})

test('a write that fails leaves the old file and no part of the new one', async () => {
  const path = join(await folder(), 'a.json')
  await writeFile(path, 'old')
  await expect(writeWhole(path, Symbol('not content') as unknown as string)).rejects.toThrow()
  expect(await readFile(path, 'utf8')).toBe('old')
  expect(await readdir(join(path, '..'))).toEqual(['a.json'])
})

test('an existing output is refused by name unless forced', async () => {
  const path = join(await folder(), 'a.sqlite')
  await writeFile(path, '')
  expect(() => refuseExisting(path, false)).toThrow(`${path} exists already`)
  expect(() => refuseExisting(path, true)).not.toThrow()
})

test('an output in a folder that is not there is refused with the command that makes it', async () => {
  const missing = join(await folder(), 'none')
  expect(() => checkOutput(join(missing, 'a.sqlite'), true)).toThrow(
    expect.objectContaining({ code: 'BAD_OPTION', hint: `\`mkdir -p ${missing}\` makes it.` }),
  )
})

test('an input that is there and cannot be read gets no hint at making one', async () => {
  const path = await folder()
  const hint = '`make one`'
  const read = (file: string) => readText('--key', file, hint)
  await expect(read(join(path, 'none'))).rejects.toMatchObject({ hint, code: 'BAD_OPTION' })
  await expect(read(path)).rejects.toMatchObject({
    message: `--key: ${path} cannot be read`,
    hint: 'Is it a file, and may you read it?',
  })
})
