import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { EXPORTERS } from '../../src/formats/exporters.ts'
import { IMPORTERS } from '../../src/formats/importers.ts'
import { formatsDocument, TEST_OF } from '../support/formats-document.ts'

test('docs/formats.md is what `npm run docs` makes', () => {
  const path = new URL('../../docs/formats.md', import.meta.url)
  expect(readFileSync(path, 'utf8')).toBe(formatsDocument())
})

test('each format has a reader or a writer, a name of its own, and a test', () => {
  const names = IMPORTERS.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(names.filter((name) => TEST_OF[name] === undefined)).toEqual([])
  expect(EXPORTERS.filter(({ name }) => TEST_OF[name] === undefined)).toEqual([])
})
