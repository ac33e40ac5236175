import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseReplayOptions, type RawReplayOptions } from '../../src/replay/options.ts'
import { formatComparison } from '../../src/report/comparison-text.ts'
import { ab, residueLine, runOrder } from '../../src/study/ab.ts'
import { parseAbOptions } from '../../src/study/ab-options.ts'
import { copyTrace } from '../../src/trace/copy.ts'
import { writeTrace } from '../../src/trace/create.ts'
import { engineRun } from '../support/engine-run.ts'
import { handPlan } from '../support/hand-plan.ts'
import { replayDefaults } from '../support/replay-run.ts'
import { testWorld } from '../support/test-world.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

const RAW = { a: 'http://127.0.0.1:1', b: 'http://127.0.0.1:2', runs: '8', keep: 'x', pause: '0' }

test('runs go A B B A, and each pair is neighbours', () => {
  expect(runOrder(3).map(({ side, pair }) => `${side}${pair}`)).toEqual([
    'a0',
    'b0',
    'b1',
    'a1',
    'a2',
    'b2',
  ])
})

test('too few runs for the gates are refused with the arithmetic', () => {
  const gates = ['ttft.p99<+10%', 'tpot.p99<+10%']
  expect(() => parseAbOptions({ ...RAW, runs: '6', gate: gates })).toThrow(
    /6 pairs reach p = 2\/2\^6 = 0.031 at best, above 0.025/,
  )
  expect(parseAbOptions({ ...RAW, runs: '7', gate: gates }).gates).toHaveLength(2)
})

test('both servers must be named', () => {
  const { b: _b, ...withoutB } = RAW
  expect(() => parseAbOptions(withoutB)).toThrow(/--b is missing/)
})

test("what an earlier run left in the cache is told by the server's own block size", () => {
  const report = {
    side: { tokens: { prompt: 1_000, cached: 400, output: 0 } },
    run: { server: { fingerprint: 'fp-1' } },
  } as unknown as Parameters<typeof residueLine>[0]
  const gap = { prompts: 1_000, served: 400, predicted: 128, blockTokens: 128 } as Parameters<
    typeof residueLine
  >[1]
  const text = residueLine(report, gap)
  expect(text).toContain('cached 40.0 %, predicted 12.8 % in blocks of 128')
  expect(text).toContain('more than the plan explains')
  expect(text.split('\n').every((line) => line.length <= 80)).toBe(true)
  expect(residueLine(report, { ...gap!, predicted: 396 })).not.toContain('warm')
  expect(residueLine(report, null)).toBe('      fp-1 · cached 40.0 %\n')
})

const folder = mkdtempSync(join(tmpdir(), 'trace-ab-'))
afterAll(() => rmSync(folder, { recursive: true }))

const SERVERS = { a: 'http://127.0.0.1:1', b: 'http://127.0.0.1:2' }

/**
 * A whole study whose runs are those of simulated engines on virtual time.
 *
 * @param profileOf the engine behind each address
 * @param stopsAt of this run's file name a signal ends the replay
 */
async function studyOf(
  name: string,
  profileOf: Readonly<Record<'a' | 'b', 'l4-3b' | 'h100-8b'>>,
  stopsAt: string | null = null,
  isForced = false,
) {
  const keep = join(folder, name)
  const raw = { ...SERVERS, runs: '6', pause: '0s', keep, gate: ['e2e.mean<+2%'] }
  const { world, said } = testWorld()
  const sent: { file: string; target: string; words: string | null }[] = []
  const resets: string[] = []
  const checked: string[] = []
  const end = await ab(
    handPlan([{ dueUs: 0 }]),
    parseReplayOptions({
      ...replayDefaults,
      target: [SERVERS.a],
      ...(isForced ? { force: true } : {}),
    } as unknown as RawReplayOptions),
    parseAbOptions(raw),
    world,
    {
      check: async (_plan, { targets }) =>
        void checked.push(`${targets[0]!.url.origin} ${sent.length}`),
      resetCache: async ({ origin }) => void resets.push(origin),
      replay: async (_plan, { outPath, targets, textSeed }) => {
        const [file, target] = [basename(outPath!), targets[0]!.url.origin]
        sent.push({ file, target, words: textSeed })
        const server = profileOf[target === SERVERS.a ? 'a' : 'b']
        // Two runs of one server are never alike: each gets an arrival law's draw of its own.
        const run = unsavedTrace(engineRun(2 * sent.length, null, { server, count: 40 }))
        await writeTrace(outPath!, run.header, true, async (writer) => copyTrace(run, writer))
        return {
          outPath: outPath!,
          exitCode: file === stopsAt ? 130 : 0,
          fidelity: { prefix: null },
        }
      },
    },
  )
  return { ...end, sent, resets, checked, said: said.err, files: readdirSync(keep).toSorted() }
}

test('a slower server is a regression, whatever the runs of each side vary by', async () => {
  const { comparison, exitCode, sent, resets, checked, said, files } = await studyOf('slower', {
    a: 'h100-8b',
    b: 'l4-3b',
  })
  expect(exitCode).toBe(99)
  expect(comparison.gates).toMatchObject([{ gate: 'e2e.mean<+2%', decision: 'regression' }])
  expect(comparison).toMatchObject({ paired: true, runs: { a: 6, b: 6 } })
  // One run a side goes first and counts for nothing; then A B, B A, …
  const names = ['warm-up-a', 'warm-up-b', 'a1', 'b1', 'b2', 'a2', 'a3', 'b3', 'b4', 'a4', 'a5']
  expect(sent.map(({ file }) => file)).toEqual(
    [...names, 'b5', 'b6', 'a6'].map((name) => `${name}.sqlite`),
  )
  expect(files).toEqual(sent.map(({ file }) => file).toSorted())
  expect(said.match(/^run \d of 6, [AB]$/gm)).toHaveLength(12)
  // Both sides of a pair get the same words, no two pairs do, and each run a cache that was asked to forget.
  const words = sent.map((each) => each.words)
  expect(words.filter((_, at) => at % 2 === 0)).toEqual(words.filter((_, at) => at % 2 === 1))
  expect(new Set(words).size).toBe(7)
  expect(resets).toEqual(sent.map(({ target }) => target))
  // Both are asked before either gets anything.
  expect(checked).toEqual([`${SERVERS.a} 0`, `${SERVERS.b} 0`])
})

test('a server against itself is no regression, and the runs that would decide are told', async () => {
  const { comparison, exitCode } = await studyOf('same', { a: 'h100-8b', b: 'h100-8b' })
  const [gate] = comparison.gates
  expect(gate).toMatchObject({ decision: 'inconclusive', runsToDecide: expect.any(Number) })
  expect(exitCode).toBe(97)
})

test('a study that is stopped keeps what it has, and compares the pairs that are whole', async () => {
  const { comparison, exitCode, files } = await studyOf(
    'stopped',
    { a: 'h100-8b', b: 'l4-3b' },
    'a3.sqlite',
  )
  expect(exitCode).toBe(130)
  expect(comparison.runs).toEqual({ a: 2, b: 2 })
  expect(comparison.gates).toMatchObject([{ decision: 'inconclusive' }])
  expect(files).toEqual(
    ['a1', 'a2', 'a3', 'b1', 'b2', 'warm-up-a', 'warm-up-b'].map((each) => `${each}.sqlite`),
  )
})

test('results that are there are not replaced unless told so, and nothing is asked of any server', async () => {
  const keep = join(folder, 'there')
  mkdirSync(keep)
  writeFileSync(join(keep, 'b6.sqlite'), 'of last week')
  const profiles = { a: 'h100-8b', b: 'h100-8b' } as const
  await expect(studyOf('there', profiles)).rejects.toMatchObject({
    code: 'OUTPUT_EXISTS',
    message: expect.stringContaining('b6.sqlite exists already'),
    hint: 'Name another --keep, or add --force.',
  })
  expect(readdirSync(keep)).toEqual(['b6.sqlite'])
  expect(readFileSync(join(keep, 'b6.sqlite'), 'utf8')).toBe('of last week')
  const { sent } = await studyOf('there', profiles, null, true)
  expect(sent).toHaveLength(14)
})

test('a study that is stopped before a pair is whole says so, and shows no empty table', async () => {
  const { comparison, exitCode } = await studyOf('early', { a: 'h100-8b', b: 'l4-3b' }, 'b1.sqlite')
  expect(exitCode).toBe(130)
  expect(formatComparison(comparison)).toBe(
    'No pair of runs is whole, so there is nothing to compare.\n',
  )
})
