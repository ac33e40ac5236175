/** The demo's users. */
import { expect, test } from 'vitest'
import { demoTraffic } from '../../src/study/demo-traffic.ts'

const users = demoTraffic('7', 15_000_000)
const turns = users.flatMap((user) => user.turns)

test('the same seed gives the same users, another seed gives others', () => {
  expect(demoTraffic('7', 15_000_000)).toEqual(users)
  expect(demoTraffic('8', 15_000_000)).not.toEqual(users)
})

test('there are chat sessions, bursts and a batch tenant, and they come in order', () => {
  expect(new Set(users.map(({ kind }) => kind))).toEqual(new Set(['chat', 'burst', 'batch']))
  const atUs = users.map((user) => user.atUs)
  expect(atUs).toEqual(atUs.toSorted((a, b) => a - b))
  expect(Math.max(...atUs)).toBeLessThan(15_000_000)
})

test('most never ask for usage, and some hang up', () => {
  const asking = turns.filter(({ body }) => body['stream_options'] !== undefined)
  expect(asking.length).toBeGreaterThan(0)
  expect(asking.length).toBeLessThan(turns.length / 4)
  expect(turns.filter(({ hangUp }) => hangUp !== null).length).toBeGreaterThan(2)
})

test('sessions share system prompts', () => {
  const texts = users.flatMap(({ systemText }) => systemText ?? [])
  expect(new Set(texts).size).toBeLessThan(texts.length / 3)
})
