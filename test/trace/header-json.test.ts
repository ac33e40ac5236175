import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { formatHeader, parseHeader } from '../../src/trace/header-json.ts'
import { PRODUCER_VERSION, newHeader } from '../../src/trace/header.ts'

const FULL = newHeader('replayed', {
  originWallUs: 1_790_000_000_000_000,
  clock: { quantumUs: 1, anchors: [{ atUs: 0, wallUs: 1_790_000_000_000_000 }] },
  transforms: [{ name: 'speed', arguments: { factorTimes: 2, keep_gaps: true } }],
  labels: { teamName: 'search', 'a b': 'c' },
  shard: { index: 1, count: 4 },
  signatures: [{ keyId: 'k', publicKey: 'p', signature: 's' }],
})

test('a header comes back as it was, free names included', () => {
  expect(parseHeader(formatHeader(FULL))).toEqual(FULL)
})

test('one that nests beyond what a program can write again is refused', () => {
  const deep = { name: 'x', arguments: { a: '@' } }
  const json = formatHeader({ ...FULL, transforms: [deep] })
  const nested = json.replace('"@"', '['.repeat(100_000) + ']'.repeat(100_000))
  expect(() => parseHeader(nested)).toThrow('the header is nested too deeply')
})

test('files have snake_case names and sorted keys', () => {
  const json = formatHeader(FULL)
  const names = Object.keys(JSON.parse(json) as object)
  expect(names).toEqual(names.toSorted())
  expect(json).toContain('"anchors":[{"at_us":0,"wall_us":1790000000000000}]')
  expect(json).toContain('"public_key":"p"')
})

test('a field that this version does not know is kept as it is', () => {
  const json = formatHeader(FULL).replace('{', '{"newField":{"some_thing":1},')
  expect(JSON.parse(formatHeader(parseHeader(json)))).toEqual(JSON.parse(json))
})

test('a format that needs a newer program is refused by name', () => {
  const json = formatHeader({ ...FULL, formatVersion: 9, oldestReader: 9 })
  expect(() => parseHeader(json)).toThrowError(
    expect.objectContaining({ code: 'TRACE_NEWER' }) as Error,
  )
})

test('a newer format that this program can still read is read', () => {
  expect(parseHeader(formatHeader({ ...FULL, formatVersion: 9 })).formatVersion).toBe(9)
})

test.each([
  ['no JSON', '{', 'not JSON'],
  ['no object', '[]', 'no object'],
  ['a wrong type', formatHeader(FULL).replace('"seed":null', '"seed":7'), 'seed'],
  ['a wrong kind', formatHeader(FULL).replace('"replayed"', '"painted"'), 'kind'],
  [
    'a wrong place deep inside',
    formatHeader(FULL).replace('"wall_us":1', '"wall_us":"1",'),
    'JSON',
  ],
  ['no version', '{"kind":"recorded","oldest_reader":1}', 'format_version'],
])('a header with %s is refused with the place', (_name, json, place) => {
  expect(() => parseHeader(json)).toThrow(place)
})

test('a member named __proto__ in labels changes no object', () => {
  const json = formatHeader(FULL).replace('"labels":{', '"labels":{"__proto__":"x",')
  const header = parseHeader(json)
  expect(Object.getPrototypeOf(header.labels)).toBe(Object.prototype)
})

test('the producer version is that of package.json', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  expect(PRODUCER_VERSION).toBe(version)
})
