import { inflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { makePicture, parsePictures } from '../../src/replay/picture.ts'
import { chooseTarget, parseTargets } from '../../src/replay/target-choice.ts'
import { toolsJson } from '../../src/replay/tools.ts'
import type { RequestShape } from '../../src/workload/plan.ts'

const shape = (changes: Partial<RequestShape>) =>
  ({
    endpoint: 'chat',
    tools: 0,
    toolBytes: 0,
    route: null,
    target: null,
    adapter: null,
    model: null,
    ...changes,
  }) as RequestShape

test.each(['chat', 'messages', 'responses'] as const)(
  'tools of %s have the recorded number and bytes',
  (endpoint) => {
    const json = toolsJson(shape({ endpoint, tools: 3, toolBytes: 2_000 })) ?? ''
    expect(json.length).toBe(2_000)
    expect((JSON.parse(json) as unknown[]).length).toBe(3)
  },
)

test('tools smaller than their bare form keep that, and completions have none', () => {
  expect((JSON.parse(toolsJson(shape({ tools: 2, toolBytes: 1 })) ?? '') as unknown[]).length).toBe(
    2,
  )
  expect(toolsJson(shape({ endpoint: 'completions', tools: 2, toolBytes: 9 }))).toBeNull()
})

test('a picture has the recorded pixels and bytes, and another seed makes another one', () => {
  const size = { width: 320, height: 200, bytes: 30_000 }
  const picture = makePicture(size, 5)
  expect(picture.length).toBe(30_000)
  expect(picture.readUInt32BE(16)).toBe(320)
  expect(picture.readUInt32BE(20)).toBe(200)
  const dataAt = picture.indexOf('IDAT')
  const data = picture.subarray(dataAt + 4, dataAt + 4 + picture.readUInt32BE(dataAt - 4))
  expect(inflateSync(data).length).toBe(321 * 200)
  expect(makePicture(size, 6).equals(picture)).toBe(false)
})

test('sizes that a recording does not know, or that are absurd, are bounded', () => {
  expect(parsePictures('[[null,10,null],[1000000000,0,9000000000000]]')).toEqual([
    { width: 512, height: 10, bytes: 0 },
    { width: 16_384, height: 1, bytes: 64_000_000 },
  ])
})

test('a request goes to the target of its route, then of its model, then to the one without a name', () => {
  const targets = parseTargets('--target', ['eu=http://a:1', 'big=http://b:1', 'http://c:1'])
  expect(targets.map(({ name }) => name)).toEqual(['eu', 'big', null])
  expect(chooseTarget(targets, shape({ route: 'eu', model: 'big' }))).toBe(0)
  expect(chooseTarget(targets, shape({ route: 'us', model: 'big' }))).toBe(1)
  expect(chooseTarget(targets, shape({}))).toBe(2)
  expect(() => chooseTarget(targets.slice(0, 2), shape({ model: 'x' }))).toThrow(
    'no --target for x',
  )
  expect(() => parseTargets('--target', ['a=http://a:1', 'a=http://b:1'])).toThrow('names a twice')
})
