import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { VERBS } from '../../src/cli/verbs.ts'
import { testWorld } from '../support/test-world.ts'

async function run(...argv: string[]) {
  const { world, said } = testWorld()
  return { code: await main(argv, world), ...said }
}

const names = VERBS.map(({ name }) => name)

test('without a verb the help is shown', async () => {
  const { out, err } = await run('--help')
  expect(err).toBe('')
  for (const name of names) expect(out).toContain(`\n  ${name} `)
})

test('a name that comes with a file cannot command the terminal that shows an error', async () => {
  const { err } = await run('inspect', 'no\u001b[2J\u202e\nsuch.arrow')
  expect(err).toContain('trace: no\\u{1b}[2J\\u{202e}\\u{a}such.arrow is not there\n')
})

test.each([['--json'], ['--drift'], ['--html', 'page.html']])(
  'inspect --digest says nothing else, so %s beside it is refused',
  async (...others) => {
    const { code, err } = await run('inspect', 'absent.sqlite', '--digest', ...others)
    expect(code).toBe(2)
    expect(err).toContain('--digest is all that is said')
  },
)

test('an unknown verb exits 2 and points to the help', async () => {
  const { code, err } = await run('rplay')
  expect(code).toBe(2)
  expect(err).toContain("unknown command 'rplay'")
})

test('help of an unknown verb exits 2 and names the one that was meant', async () => {
  const { code, err } = await run('help', 'relpay')
  expect(code).toBe(2)
  expect(err).toContain('Did you mean replay?')
})

test.each(names)(
  '%s --help ends with two examples of itself, and fits 80 columns',
  async (name) => {
    const { code, out } = await run(name, '--help')
    expect(code).toBe(0)
    const examples = out
      .trimEnd()
      .split('\n')
      .slice(-12)
      .filter((line) => `${line} `.startsWith(`  $ trace ${name} `))
    expect(examples.length).toBeGreaterThanOrEqual(2)
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  },
)

test.each(names)('%s refuses an unknown flag with exit code 2 and names it', async (name) => {
  const { code, err } = await run(name, '--no-such-flag')
  expect(code).toBe(2)
  expect(err).toContain('--no-such-flag')
})

test('the parts of a verb take their options from the environment, too', async () => {
  const { world, said } = testWorld({ env: { TRACE_DIR: 'no-such-shelf' } })
  expect(await main(['catalog', 'list'], world)).toBe(0)
  expect(said.out).toContain('no-such-shelf has no cards')
})

test('a query with its arguments in the wrong order says so', async () => {
  const { code, err } = await run('query', 'select 1', 'prod/')
  expect(code).toBe(2)
  expect(err).toContain('query wants the trace first')
})

test.each(['record', 'replay', 'ab'])('the long help of %s is in groups', async (verb) => {
  const { out } = await run(verb, '--help')
  const headings = out.match(/^[A-Z].*:$/gm) ?? []
  expect(headings.length).toBeGreaterThan(5)
  expect(headings).not.toContain('Further options:')
  expect(/\nOptions:\n([^]*?)\n\n/.exec(out)?.[1]?.match(/^ +-[^ ]*/gm)).toEqual([
    '  --config',
    '  -h,',
  ])
})

test('a value that does not fit is told with the variable or the key of the file that it is from', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'trace-origin-')), 'trace.yaml')
  writeFileSync(path, 'replay: {speed: 2, seed: a}')
  const told = async (env: Record<string, string>, ...flags: string[]) => {
    const { world, said } = testWorld({ env })
    const argv = ['replay', 'run.sqlite', '--target', 'http://127.0.0.1:1', ...flags]
    expect(await main(argv, world)).toBe(2)
    return said.err.split('\n')[0]
  }
  const wanted = 'trace: --speed wants a factor above 0 with an x, such as 2x, got'
  expect(await told({ TRACE_REPLAY_SPEED: 'fast' })).toBe(
    `${wanted} 'fast' (--speed is from TRACE_REPLAY_SPEED)`,
  )
  expect(await told({}, '--config', path)).toBe(
    `${wanted} '2' (--speed is from ${path}: replay: speed)`,
  )
  expect(await told({ TRACE_SPEED: 'fast' }, '--config', path)).toContain('is from TRACE_SPEED)')
  expect(await told({ TRACE_SPEED: 'fast' }, '--speed', '3')).toBe(`${wanted} '3'`)
})
