import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test, vi } from 'vitest'
import { NONE } from '../../src/workload/plan.ts'
import { parseRamp, parseRateCurve, parseRateSteps, rampClock } from '../../src/workload/ramp.ts'
import { planOf } from './plan-of.ts'

// Many thousand rows: on a busy machine the default of 5 s is short.
vi.setConfig({ testTimeout: 60_000 })

const folder = mkdtempSync(join(tmpdir(), 'trace-plan-'))
afterAll(() => rmSync(folder, { recursive: true }))

const every = (count: number, stepUs: number) =>
  Array.from({ length: count }, (_, row) => ({ atUs: row * stepUs }))
const due = async (...plan: Parameters<typeof planOf>) => [...(await planOf(...plan)).columns.dueUs]

test('a ramp reaches its factor at the stated instant of the clock sent', () => {
  const clock = rampClock(parseRamp('--ramp', '1x..4x over 10s'))
  // ∫ (1 + 3s/10) ds from 0 to 10 is 25; from there on four times as fast.
  expect(clock(25e6)).toBeCloseTo(10e6, 3)
  expect(clock(65e6)).toBeCloseTo(20e6, 3)
  expect(clock(0)).toBe(0)
})

test('steps hold for their time, and the last one stays', () => {
  const clock = rampClock(parseRateSteps('--rate-steps', '1x,2x,5x every 10s'))
  expect([5e6, 10e6, 20e6, 30e6, 80e6, 130e6].map((atUs) => Math.round(clock(atUs)))).toEqual([
    5e6, 10e6, 15e6, 20e6, 30e6, 40e6,
  ])
})

test('a curve is read from a file of seconds and factors', async () => {
  const path = join(folder, 'curve.csv')
  writeFileSync(path, 'at_s,factor\n0,1\n10,1\n10,2\n')
  const instants = await due(every(31, 1e6), { rateCurve: path })
  expect([instants[10], instants[30]]).toEqual([10e6, 20e6])
  expect(() => parseRateCurve('--rate-curve', 'at_s,factor\n5,1\n4,1\n')).toThrow('ascending')
  expect(() => parseRateCurve('--rate-curve', 'at,factor\n')).toThrow('head')
  await expect(planOf(every(3, 1), { rateCurve: path, ramp: '1x..2x over 1s' })).rejects.toThrow(
    'one at most',
  )
})

test('a clock that ramps never runs backwards and is as fast as its factor', () => {
  const curve = fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 90 })), {
    minLength: 1,
    maxLength: 8,
  })
  fc.assert(
    fc.property(curve, (points) => {
      const lines = points
        .toSorted(([a], [b]) => a - b)
        .map(([atSec, tenths]) => `${atSec},${tenths / 10}\n`)
      const knots = parseRateCurve('--rate-curve', `at_s,factor\n${lines.join('')}`)
      const clock = rampClock(knots)
      const sent = Array.from({ length: 200 }, (_, index) => clock(index * 1e6))
      for (let index = 1; index < sent.length; index += 1) {
        const rate = 1e6 / (sent[index]! - sent[index - 1]!)
        expect(rate).toBeGreaterThan(0.099)
        expect(rate).toBeLessThan(9.01)
      }
    }),
  )
})

test('pauses of all traffic are cut to the longest that is wanted', async () => {
  const rows = [0, 10e6, 200e6, 201e6, 900e6].map((atUs) => ({ atUs }))
  expect(await due(rows, { maxGap: '60s' })).toEqual([0, 10e6, 70e6, 71e6, 131e6])
})

test('a loop sends the window again, one mean gap later, as other copies', async () => {
  const plan = await planOf(every(3, 1e6), { loop: '3' })
  expect([...plan.columns.dueUs]).toEqual([0, 1e6, 2e6, 3e6, 4e6, 5e6, 6e6, 7e6, 8e6])
  expect([...plan.columns.copy]).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2])
})

test('loops of more users keep all copies apart', async () => {
  const plan = await planOf(every(40, 1e6), { loop: '3', rateScale: '2x' })
  const keys = [...plan.columns.seq].map((seq, row) => `${seq} ${plan.columns.copy[row]}`)
  expect(new Set(keys).size).toBe(240)
})

test('sends that are due after the duration are left out', async () => {
  expect(await due(every(100, 1e6), { duration: '3s' })).toEqual([0, 1e6, 2e6])
  expect(await due(every(100, 1e6), { duration: '3s', speed: '2x' })).toHaveLength(6)
})

test('coarse times are spread inside their step, in order within a session', async () => {
  const rows = Array.from({ length: 300 }, (_, row) => ({
    atUs: Math.floor(row / 10) * 3e6,
    session: row % 10 < 2 ? `s${Math.floor(row / 10)}` : null,
  }))
  const plan = await planOf(rows, { dequantise: true })
  expect(plan.steps.map(({ name }) => name)).toContain('dequantise')
  expect(plan.steps[1]!.arguments).toEqual({ quantumUs: 3e6 })
  expect(new Set(plan.columns.dueUs).size).toBeGreaterThan(270)
  for (let row = 0; row < plan.count; row += 1) {
    const step = Math.floor(plan.columns.seq[row]! / 10)
    expect(Math.floor(plan.columns.dueUs[row]! / 3e6)).toBe(step)
  }
  const turns = [...plan.columns.parent.keys()].filter((row) => plan.columns.parent[row] !== NONE)
  expect(turns).toHaveLength(30)
  for (const row of turns) expect(plan.columns.parent[row]).toBeLessThan(row)
  const beat = await planOf(every(30, 500_000), { dequantise: true })
  expect(beat.steps.map(({ name }) => name)).toEqual(['window'])
  const fine = await planOf([...every(30, 1_000), ...every(30, 1_000)], { dequantise: true })
  expect(fine.steps.map(({ name }) => name)).toEqual(['window'])
})

const talk = [
  { atUs: 0, session: 's', e2eUs: 2e6 },
  { atUs: 10e6, session: 's', e2eUs: 2e6 },
  { atUs: 20e6, session: 's' },
]

test('under --speed the pauses of a session shrink too, stay, or go', async () => {
  const spaced = async (sessionGaps: string) => {
    const { columns } = await planOf(talk, { speed: '2x', sessionGaps })
    return { dueUs: [...columns.dueUs], thinkUs: [...columns.thinkUs] }
  }
  expect(await spaced('scale')).toEqual({ dueUs: [0, 5e6, 10e6], thinkUs: [0, 4e6, 4e6] })
  expect(await spaced('keep')).toEqual({ dueUs: [0, 10e6, 20e6], thinkUs: [0, 8e6, 8e6] })
  expect(await spaced('asap')).toEqual({ dueUs: [0, 2e6, 4e6], thinkUs: [0, 0, 0] })
})

test('the mode is part of the schedule', async () => {
  const [open, session, closed] = await Promise.all(
    ['open', 'session', 'closed=4'].map((mode) => planOf(talk, { mode })),
  )
  expect(closed!.mode).toEqual({ kind: 'closed', concurrency: 4 })
  expect(new Set([open!.sha256, session!.sha256, closed!.sha256]).size).toBe(3)
  await expect(planOf(talk, { mode: 'closed' })).rejects.toThrow('--mode wants')
})

test('hang-ups can become rarer or more frequent, where somebody hangs up', async () => {
  const rows = Array.from({ length: 2_000 }, (_, row) => ({
    atUs: row * 1_000,
    outputTokens: row % 10 === 0 ? 20 : 300,
    outcome: row % 10 === 0 ? 'client_abort' : 'ok',
    maxTokens: 300,
  }))
  const hungUp = async (factor: string) => {
    const { columns } = await planOf(rows, { drift: [`hangups=${factor}`] })
    expect(columns.abortAt.every((tokens, row) => tokens < columns.outputTokens[row]!)).toBe(true)
    return columns.flags.filter((bits) => (bits & 3) > 0).length / 2_000
  }
  expect(Math.abs((await hungUp('x3')) - 0.3)).toBeLessThan(0.04)
  expect(Math.abs((await hungUp('x0.5')) - 0.05)).toBeLessThan(0.02)
  expect(await hungUp('x0')).toBe(0)
  await expect(planOf(every(9, 1), { drift: ['hangups=x2'] })).rejects.toThrow('nobody hangs up')
})

test('prefix sharing can be taken away in part', async () => {
  const blocks = [{ id: 9n, parent: null, tokens: 64 }]
  const rows = Array.from({ length: 1_000 }, (_, row) => ({ atUs: row, prefixLeaf: 9n }))
  const { columns } = await planOf(rows, { drift: ['prefix=x0.3'] }, blocks)
  const shared = columns.leaf.filter((leaf) => leaf !== NONE).length
  expect(Math.abs(shared - 300)).toBeLessThan(50)
})
