import { expect, test } from 'vitest'
import { parseReplayOptions, type RawReplayOptions } from '../../src/replay/options.ts'
import { mapModels, parseModelMapping } from '../../src/replay/model-map.ts'
import { basePathOf, type TargetFacts } from '../../src/replay/target-facts.ts'
import { replayDefaults } from '../support/replay-run.ts'

const parse = (raw: Partial<RawReplayOptions>) =>
  parseReplayOptions({ ...replayDefaults, target: ['http://h:1'], ...raw } as RawReplayOptions)

test('each wrong value is named with its flag', () => {
  expect(() => parse({ target: undefined })).toThrow('--target is missing')
  expect(() => parse({ target: ['h:1'] })).toThrow('--target')
  expect(() => parse({ workers: '0' })).toThrow('--workers')
  expect(() => parse({ pacing: 'lazy' })).toThrow('--pacing')
  expect(() => parse({ maxRps: '0' })).toThrow('--max-rps')
  expect(() => parse({ mapModel: ['a'] })).toThrow('--map-model')
  expect(() => parse({ header: ['no colon'] })).toThrow('--header')
  expect(() => parse({ header: ['Content-Length: 3'] })).toThrow(
    '--header cannot set content-length',
  )
})

test('a header that is refused is not quoted: it may be a secret', () => {
  expect(() => parse({ header: ['authorization Bearer s3cret'] })).not.toThrow('s3cret')
})

const facts = {
  url: new URL('http://h:1'),
  basePath: '/v1',
  isListed: true,
  models: [{ id: 'served', maxModelTokens: null }],
} as unknown as TargetFacts

test.each([
  ['http://h:1', '/v1'],
  ['http://h:1/', '/v1'],
  ['http://h:1/v1/', '/v1'],
  ['http://h:1/v1/chat/completions', '/v1'],
  ['http://h:1/openai/v1/messages/', '/openai/v1'],
  ['http://h:1/chat', '/chat'],
])('the API of %s begins at %s', (address, path) => {
  expect(basePathOf(new URL(address))).toBe(path)
})

test('a server that lists no models is asked for those that are named, and for no others', () => {
  const silent = { ...facts, isListed: false, models: [] }
  expect(mapModels(silent, ['a'], { '*': 'm' })).toEqual({ models: { a: 'm' }, defaultModel: 'm' })
  expect(mapModels(silent, ['a'], { a: 'x' }).models).toEqual({ a: 'x' })
  expect(mapModels(silent, [], { '*': 'm' }).defaultModel).toBe('m')
  for (const [recorded, mappings] of [
    [['a'], {}],
    [['a', 'b'], { a: 'x' }],
    [[], {}],
  ] as const) {
    expect(() => mapModels(silent, recorded, mappings)).toThrow('does not list models')
  }
})

test('recorded models are mapped by name, then by *, and must be served', () => {
  expect(mapModels(facts, ['served'], {}).models).toEqual({ served: 'served' })
  expect(mapModels(facts, ['a', 'b'], { '*': 'served' }).models).toEqual({
    a: 'served',
    b: 'served',
  })
  expect(() => mapModels(facts, ['a'], {})).toThrow('does not serve a')
  expect(() => mapModels(facts, ['a'], { a: 'x' })).toThrow('does not serve x')
})

test('a model name may hold an equals sign', () => {
  expect(parseModelMapping('--map-model', 'a=b=c')).toEqual(['a=b', 'c'])
})
