import { expect, test } from 'vitest'
import { NONE } from '../../src/workload/plan.ts'
import { parseShard } from '../../src/workload/shard.ts'
import { planOf } from './plan-of.ts'

const rows = Array.from({ length: 1_000 }, (_, row) => ({
  atUs: row * 1_000,
  session: row % 3 === 0 ? `s${row % 60}` : null,
  e2eUs: 10,
}))

test('the shards of a plan are the plan, each request once, sessions whole', async () => {
  const whole = await planOf(rows, { jitter: '5ms', rateScale: '2x' })
  const shards = await Promise.all(
    [1, 2, 3].map((number) =>
      planOf(rows, { jitter: '5ms', rateScale: '2x', shard: `${number}/3` }),
    ),
  )
  const keys = (plan: typeof whole) =>
    [...plan.columns.seq].map(
      (seq, row) => `${seq} ${plan.columns.copy[row]} ${plan.columns.dueUs[row]}`,
    )
  expect(shards.flatMap(keys).toSorted()).toEqual(keys(whole).toSorted())
  expect(new Set(shards.map(({ sha256 }) => sha256))).toEqual(new Set([whole.sha256]))
  const sessions = shards.map(
    ({ columns }) => new Set([...columns.session].filter((session) => session !== NONE)),
  )
  const all = new Set(sessions.flatMap((names) => [...names]))
  expect(all.size).toBe(sessions.reduce((sum, { size }) => sum + size, 0))
  for (const { columns, count, shard } of shards) {
    expect(shard!.count).toBe(3)
    expect(Math.abs(count / 667 - 1)).toBeLessThan(0.25)
    const turns = [...columns.parent.keys()].filter((row) => columns.parent[row] !== NONE)
    for (const row of turns) {
      expect(columns.session[columns.parent[row]!]).toBe(columns.session[row])
    }
  }
})

test.each(['0/3', '4/3', '1', 'a/b'])('shard %s is refused', (text) => {
  expect(() => parseShard('--shard', text)).toThrow('--shard wants')
})
