/** `trace query` against SQL that does not want to end. */
import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { main } from '../../src/cli/main.ts'
import { testWorld } from '../support/test-world.ts'

const SQLITE = fileURLToPath(new URL('../../fixtures/trace-v1.sqlite', import.meta.url))
const ARROW = fileURLToPath(new URL('../../fixtures/trace-v1.arrow', import.meta.url))

const FOREVER = 'with recursive c(n) as (select 1 union all select n + 1 from c)'

async function query(...argv: string[]) {
  const { world, said } = testWorld({ clock: systemClock })
  return { code: await main(['query', ...argv], world), ...said }
}

describe.each([
  ['SQLite', SQLITE],
  ['Arrow', ARROW],
])('a query of %s', (_container, path) => {
  test.each([
    ['that counts for ever', `${FOREVER} select count(*) from c`],
    ['that finds nothing for ever', `${FOREVER} select n from c where n < 0`],
    [
      'that joins all with all',
      `with recursive c(n) as (select 1 union all select n + 1 from c limit 1000) select count(*) from c, c d, c e, c f, c g`,
    ],
  ])('%s is ended at its limit', async (_name, sql) => {
    const { code, err } = await query(path, sql, '--time-limit', '300ms')
    expect({ code, err }).toMatchObject({
      code: 2,
      err: expect.stringContaining('--time-limit 0.3s'),
    })
  })

  test('a query that only collects is ended by the memory it may have', async () => {
    const { code, err } = await query(
      path,
      `${FOREVER} select n from c order by -n`,
      '--memory-limit',
      '300MB',
    )
    expect({ code, err }).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--memory-limit 300000000/),
    })
  })

  test('rows come as they are found, many of them in order', async () => {
    const { out } = await query(path, `${FOREVER} select n from c limit 5000`, '--format', 'csv')
    const numbers = Array.from({ length: 5_000 }, (_, index) => index + 1)
    expect(out).toBe(`n\n${numbers.join('\n')}\n`)
  })

  test('a query within its limits comes to its end, however long it works', async () => {
    const sql = `select count(*) n from (${FOREVER} select n from c limit 4000000)`
    const { code, out, err } = await query(path, sql, '--format', 'csv')
    expect({ code, out, err }).toEqual({ code: 0, out: 'n\n4000000\n', err: '' })
  })

  test('no rows are a header in a table and in CSV', async () => {
    expect((await query(path, 'select seq from request where 0')).out).toBe('seq\n')
    expect((await query(path, 'select seq from request where 0', '--format', 'csv')).out).toBe(
      'seq\n',
    )
  })
})

test.skipIf(process.platform !== 'linux')(
  'a query whose program is killed does not go on by itself',
  async () => {
    const words = ['bin/trace.js', 'query', SQLITE, `${FOREVER} select count(*) from c`]
    const child = spawn(process.execPath, words, { stdio: 'ignore' })
    const helpers = () => childrenOf(child.pid ?? 0)
    while (helpers().length === 0) await pause()
    const [helper = 0] = helpers()
    while (processorTicks(helper) < 30) await pause()
    child.kill('SIGKILL')
    while (processorTicks(helper) > 0) await pause()
    expect(processorTicks(helper)).toBe(0)
  },
)

test.skipIf(process.platform === 'win32')(
  'a reader that has seen enough ends a query without a word',
  () => {
    const sql = `${FOREVER} select n, hex(zeroblob(200)) from c limit 100000`
    const { stdout, stderr } = spawnSync(
      'sh',
      ['-c', '"$0" bin/trace.js query "$1" "$2" | head -1', process.execPath, SQLITE, sql],
      { encoding: 'utf8' },
    )
    expect({ first: stdout.trimStart().split(' ')[0], stderr }).toEqual({ first: 'n', stderr: '' })
  },
)

const pause = () => new Promise((resolve) => setTimeout(resolve, 20))

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && statOf(Number(name))[1] === String(parent))
    .map(Number)
}

/** User time so far; 0 once the process is gone. */
function processorTicks(id: number): number {
  const [state, , ...rest] = statOf(id)
  return state === undefined || state === 'Z' ? 0 : Number(rest[9])
}

/** Fields of /proc/ID/stat from the state on. */
function statOf(id: number): string[] {
  try {
    return readFileSync(`/proc/${id}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  } catch {
    return []
  }
}
