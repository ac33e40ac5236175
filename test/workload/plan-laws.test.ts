/** Laws of a plan over made-up traces and any combination of flags. */
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import type { BlockRow, RequestRow } from '../../src/trace/columns.ts'
import { loadFigures } from '../../src/workload/load-figures.ts'
import type { RawWorkloadOptions } from '../../src/workload/options.ts'
import { NONE, type Plan } from '../../src/workload/plan.ts'
import { planOf } from './plan-of.ts'

// Many plans: on a busy machine the default of 5 s is short.
vi.setConfig({ testTimeout: 60_000 })

const SECOND_US = 1_000_000

type Load = Readonly<{ rows: Partial<RequestRow>[]; blocks: BlockRow[] }>

/** Sessions of one to four turns over one of three system prompts; some rows failed or were hung up. */
const loadsOf = (fewest: number): fc.Arbitrary<Load> =>
  fc
    .array(
      fc.record({
        startUs: fc.integer({ min: 0, max: 300 * SECOND_US }),
        turns: fc.integer({ min: 1, max: 4 }),
        gapUs: fc.integer({ min: 0, max: 30 * SECOND_US }),
        group: fc.integer({ min: 0, max: 2 }),
        outcome: fc.constantFrom('ok', 'ok', 'ok', 'client_abort', 'http_error'),
        hasSession: fc.boolean(),
      }),
      { minLength: fewest, maxLength: Math.max(40, fewest) },
    )
    .map((talks) => {
      const blocks: BlockRow[] = [1n, 2n, 3n].map((id) => ({ id, parent: null, tokens: 64 }))
      const rows = talks.flatMap((talk, index) => {
        let leaf = BigInt(1 + talk.group)
        return Array.from({ length: talk.turns }, (_, turn): Partial<RequestRow> => {
          const id = BigInt(100 + index * 4 + turn)
          blocks.push({ id, parent: leaf, tokens: 64 })
          leaf = id
          return {
            atUs: talk.startUs + turn * talk.gapUs,
            session: talk.hasSession ? `talk ${index}` : null,
            turn: talk.hasSession ? turn : null,
            tenant: `team ${talk.group}`,
            prefixLeaf: leaf,
            promptTokens: 64 * (turn + 2) + 5,
            outcome: talk.outcome,
            status: talk.outcome === 'http_error' ? 503 : 200,
            ...(talk.outcome === 'client_abort' ? { ttftUs: null, abortUs: 700_000 } : {}),
          }
        })
      })
      return { rows, blocks }
    })

const loads = loadsOf(1)

/** Each flag on or off, with a value that fits any of the loads. */
const flags: fc.Arbitrary<Partial<RawWorkloadOptions>> = fc.record(
  {
    speed: fc.constantFrom('2x', '0.5x', '1000x'),
    rateScale: fc.constantFrom('2x', '1.5x', '3x'),
    sessionGaps: fc.constantFrom('scale', 'keep', 'asap'),
    jitter: fc.constantFrom('20ms', '5s:normal', '1s:exponential'),
    drift: fc.constantFrom(
      ['rate=x2 over 1m'],
      ['rate:users=x3'],
      ['input=x0.1 over 30s gradual', 'output=x5 every 20s'],
      ['prefix=x0'],
      ['mix:tenant:team 0=x1'],
    ),
    anomaly: fc.constantFrom(['burst=x5 at 0s for 30s'], ['oversized=x10 at 0s for 1m share 5%']),
    ramp: fc.constantFrom('1x..4x over 1m', '2x..0.5x over 10s'),
    maxGap: fc.constantFrom('1s', '30s'),
    dequantise: fc.constant(true as const),
    loop: fc.constantFrom('2', '3'),
    mode: fc.constantFrom('open', 'session', 'closed=3'),
    failed: fc.constant('send'),
    abortAt: fc.constantFrom('recorded', 'time', 'tokens', 'never'),
    seed: fc.string({ minLength: 1 }),
  },
  { requiredKeys: [] },
)

/** The tenants of a mix must be there. */
const fits = ({ rows }: Load, { drift }: Partial<RawWorkloadOptions>) =>
  drift?.some((text) => text.startsWith('mix')) !== true ||
  rows.some(({ tenant }) => tenant === 'team 0')

test('whatever the flags: whole instants from 0 on, in order, turns after turns, sizes above 0', async () => {
  await fc.assert(
    fc.asyncProperty(loads, flags, async (load, raw) => {
      fc.pre(fits(load, raw))
      const plan = await planOf(load.rows, raw, load.blocks)
      const { dueUs, parent, promptTokens, outputTokens } = plan.columns
      let previousUs = 0
      for (let row = 0; row < plan.count; row += 1) {
        expect(Number.isInteger(dueUs[row])).toBe(true)
        expect(dueUs[row]).toBeGreaterThanOrEqual(previousUs)
        previousUs = dueUs[row]!
        expect(promptTokens[row]).toBeGreaterThan(0)
        expect(outputTokens[row]).toBeGreaterThan(0)
        expect(parent[row] === NONE || parent[row]! < row).toBe(true)
      }
      const loops = Number(raw.loop ?? 1)
      expect(plan.count).toBeGreaterThanOrEqual(load.rows.length * loops)
      for (const { atUs } of plan.events) expect(atUs).toBeGreaterThanOrEqual(0)
    }),
    { numRuns: 150 },
  )
})

test('the same flags and seed make the same schedule again', async () => {
  await fc.assert(
    fc.asyncProperty(loads, flags, async (load, raw) => {
      fc.pre(fits(load, raw))
      const once = await planOf(load.rows, raw, load.blocks)
      const again = await planOf(load.rows, raw, load.blocks)
      expect(again.sha256).toBe(once.sha256)
    }),
    { numRuns: 60 },
  )
})

/** Turns of one user as (copy, session), in the order sent. */
function turnsInOrder({ columns, sessions }: Plan): Map<string, number[]> {
  const turns = new Map<string, number[]>()
  columns.session.forEach((session, row) => {
    if (session === NONE) return
    const name = `${sessions[session]} ${columns.copy[row]}`
    turns.set(name, [...(turns.get(name) ?? []), columns.seq[row]!])
  })
  return turns
}

test('jitter of any width and shape keeps the order of each session', async () => {
  const widths = fc.constantFrom('1ms', '5s:normal', '10m:uniform', '1h:exponential')
  await fc.assert(
    fc.asyncProperty(loads, widths, fc.string({ minLength: 1 }), async (load, jitter, seed) => {
      const plain = await planOf(load.rows, {}, load.blocks)
      const blurred = await planOf(load.rows, { jitter, seed }, load.blocks)
      expect(turnsInOrder(blurred)).toEqual(
        new Map(
          [...turnsInOrder(blurred).keys()].map((name) => [name, turnsInOrder(plain).get(name)]),
        ),
      )
      expect(blurred.columns.dueUs[0]).toBeGreaterThanOrEqual(0)
    }),
    { numRuns: 80 },
  )
})

const share = ({ columns, blocks }: Plan) => loadFigures(columns, blocks, 16).prefixShare!

test('whole copies of a load are served what it is served, within a point', async () => {
  const factors = fc.constantFrom('2x', '3x', '5x')
  await fc.assert(
    fc.asyncProperty(
      // Enough requests that a hit more or less is no point.
      loadsOf(150),
      factors,
      fc.string({ minLength: 1 }),
      async (load, rateScale, seed) => {
        const once = await planOf(load.rows, {}, load.blocks)
        const more = await planOf(load.rows, { rateScale, seed }, load.blocks)
        expect(more.count).toBe(once.count * Number.parseInt(rateScale, 10))
        expect(Math.abs(share(more) - share(once))).toBeLessThan(0.01)
      },
    ),
    { numRuns: 25 },
  )
})

test('who is left out goes with all of the session, or of the tenant, and nobody else moves', async () => {
  const factors = fc.constantFrom('0.2x', '0.5x', '0.7x', '0.5x:tenants')
  await fc.assert(
    fc.asyncProperty(loads, factors, async (load, rateScale) => {
      const whole = await planOf(load.rows, {}, load.blocks)
      const left = await planOf(load.rows, { rateScale }, load.blocks).catch(() => null)
      if (left === null) return
      const key = rateScale.endsWith('tenants') ? 'tenant' : 'session'
      const counts = (plan: Plan) => {
        const byUser = new Map<string, number>()
        for (const seq of plan.columns.seq) {
          const user = load.rows[seq]?.[key] ?? `row ${seq}`
          byUser.set(user, (byUser.get(user) ?? 0) + 1)
        }
        return byUser
      }
      const before = counts(whole)
      for (const [user, count] of counts(left)) expect(count).toBe(before.get(user))
      left.columns.seq.forEach((seq, row) => {
        expect(left.columns.dueUs[row]).toBe(whole.columns.dueUs[whole.columns.seq.indexOf(seq)])
      })
    }),
    { numRuns: 80 },
  )
})

test('pauses of all traffic are cut to the longest wanted, and every other gap stays', async () => {
  await fc.assert(
    fc.asyncProperty(loads, fc.integer({ min: 0, max: 60 }), async ({ rows }, seconds) => {
      const before = (await planOf(rows)).columns.dueUs
      const after = (await planOf(rows, { maxGap: `${seconds}s` })).columns.dueUs
      for (let row = 1; row < after.length; row += 1) {
        const gapUs = before[row]! - before[row - 1]!
        expect(after[row]! - after[row - 1]!).toBe(Math.min(gapUs, seconds * SECOND_US))
      }
    }),
    { numRuns: 60 },
  )
})

test('each loop is the window again, one period later, in sessions of its own', async () => {
  await fc.assert(
    fc.asyncProperty(loads, fc.integer({ min: 2, max: 4 }), async ({ rows, blocks }, loops) => {
      const once = (await planOf(rows, {}, blocks)).columns
      const { columns, steps } = await planOf(rows, { loop: String(loops) }, blocks)
      const { periodUs } = steps.find(({ name }) => name === 'loop')!.arguments as {
        periodUs: number
      }
      for (let loop = 0; loop < loops; loop += 1) {
        const own = [...columns.seq.keys()].filter((row) => columns.copy[row] === loop)
        expect(own.map((row) => columns.dueUs[row]! - loop * periodUs)).toEqual([...once.dueUs])
      }
      const sessionsOf = (copy: number) =>
        new Set(columns.session.filter((of, row) => of !== NONE && columns.copy[row] === copy))
      expect([...sessionsOf(0)].some((of) => sessionsOf(1).has(of))).toBe(false)
    }),
    { numRuns: 40 },
  )
})

test('coarse times move within their step only, and speed divides each instant exactly', async () => {
  await fc.assert(
    fc.asyncProperty(loads, fc.string({ minLength: 1 }), async ({ rows }, seed) => {
      const coarse = rows.map((row) => ({
        ...row,
        session: null,
        atUs: Math.floor(row.atUs! / (4 * SECOND_US)) * 4 * SECOND_US,
      }))
      const before = (await planOf(coarse)).columns
      const { columns: after, steps } = await planOf(coarse, { dequantise: true, seed })
      const step = steps.find(({ name }) => name === 'dequantise')?.arguments['quantumUs'] ?? 1
      expect(step === 1 || Number(step) % (4 * SECOND_US) === 0).toBe(true)
      const atOf = new Map([...before.seq].map((seq, row) => [seq, before.dueUs[row]!]))
      for (const [row, seq] of after.seq.entries()) {
        const movedUs = after.dueUs[row]! - atOf.get(seq)!
        expect(movedUs >= 0 && movedUs < Number(step)).toBe(true)
      }
      const fast = (await planOf(coarse, { speed: '4x' })).columns.dueUs
      expect([...fast]).toEqual([...before.dueUs].map((atUs) => atUs / 4))
    }),
    { numRuns: 40 },
  )
})
