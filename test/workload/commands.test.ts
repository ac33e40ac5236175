import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { testWorld } from '../support/test-world.ts'

// Verbs load what they need when they are asked for: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 60_000 })

const folder = mkdtempSync(join(tmpdir(), 'trace-commands-'))
afterAll(() => rmSync(folder, { recursive: true }))

const path = (name: string) => join(folder, name)

async function run(...argv: string[]) {
  const { world, said } = testWorld()
  const exitCode = await main(argv, world)
  return { exitCode, ...said }
}

writeFileSync(
  path('load.yaml'),
  `duration: 10m
classes:
  - name: chat
    arrivals: {process: poisson, rate: 2}
    input: {law: lognormal, p50: 300, sigma: 1, min: 1}
    output: {law: exponential, mean: 50, min: 1}
`,
)

test('a configuration becomes a trace, a plan, a page, and a configuration again', async () => {
  expect((await run('synth', path('load.yaml'), path('load.arrow'))).exitCode).toBe(0)
  const plan = await run('plan', path('load.arrow'), '--speed', '2x', '--html', path('plan.html'))
  expect(plan.exitCode).toBe(0)
  expect(plan.out).toMatch(/^speed 2x .*\/s/m)
  expect(plan.out).toMatch(/^schedule {3}[0-9a-f]{64}\n +SHA-256 of it · seed 1\n$/m)
  expect(readFileSync(path('plan.html'), 'utf8')).toContain('<svg')
  const fit = await run('fit', path('load.arrow'), path('fit.yaml'))
  expect(fit.out).toMatch(/verdict {4}a fit/)
  expect(fit.exitCode).toBe(0)
  expect((await run('synth', path('fit.yaml'), path('again.arrow'))).exitCode).toBe(0)
})

test('nothing is overwritten unless it is asked for', async () => {
  writeFileSync(path('kept.csv'), 'kept')
  const refused = await run('plan', path('load.arrow'), '--out', path('kept.csv'))
  expect(refused.exitCode).toBe(2)
  expect(refused.err).toMatch(/exists already/)
  expect(readFileSync(path('kept.csv'), 'utf8')).toBe('kept')
  await run('plan', path('load.arrow'), '--out', path('kept.csv'), '--force')
  expect(readFileSync(path('kept.csv'), 'utf8')).toMatch(/^due_us,source_seq/)
})

test.each([
  [['--speed', '2'], 2, '--speed wants a factor'],
  [['--speed', '0x'], 2, '--speed wants a factor'],
  [['--from', '3h'], 2, 'the window has no request'],
  [['--drift', 'inputs=x2'], 2, '--drift can change'],
  [['--anomaly', 'flood at 3s'], 2, '--anomaly wants'],
  [['--ramp', '1x to 2x'], 2, '--ramp wants'],
  [['--rate-scale', '2x:tenants'], 2, 'not add them'],
  [['--no-such'], 2, 'no-such'],
])('plan %j ends with %i and one sentence', async (flags, exitCode, sentence) => {
  const refused = await run('plan', path('load.arrow'), ...flags)
  expect(refused.exitCode).toBe(exitCode)
  expect(refused.err).toContain(sentence)
})

test('a trace that is not there is unreadable', async () => {
  expect((await run('plan', path('missing.arrow'))).exitCode).toBe(3)
  expect((await run('fit', path('missing.arrow'), path('x.yaml'))).exitCode).toBe(3)
})
