import type { Option } from 'commander'
import { describe, expect, test } from 'vitest'
import { OWN_OF_EACH_VERB } from '../../src/cli/environment.ts'
import { main } from '../../src/cli/main.ts'
import { VERBS } from '../../src/cli/verbs.ts'
import { testWorld } from '../support/test-world.ts'

/** Options of one name that say other words, but want the same: a variable for all of them is right. */
const ALIKE = new Set(['api-key-file', 'force', 'json', 'seed', 'target', 'tokenizer'])

async function optionsByName(): Promise<Map<string, Option[]>> {
  const byName = new Map<string, Option[]>()
  for (const { load } of VERBS) {
    const command = (await load())(testWorld().world, () => undefined)
    for (const { options } of [command, ...command.commands]) {
      for (const option of options) {
        byName.set(option.name(), [...(byName.get(option.name()) ?? []), option])
      }
    }
  }
  return byName
}

async function run(argv: readonly string[], env: Record<string, string>) {
  const { world, said } = testWorld({ env })
  return { code: await main(argv, world), ...said }
}

test('a variable for all verbs sets only options that mean the same in each of them', async () => {
  const several = [...(await optionsByName())].filter(([, options]) => {
    return new Set(options.map(({ flags, description }) => `${flags} ${description}`)).size > 1
  })
  expect(several.map(([name]) => name).toSorted()).toEqual(
    [...OWN_OF_EACH_VERB, ...ALIKE].toSorted(),
  )
})

describe('on the way in', () => {
  test('a variable that names its verb is for it alone, and wins over the one for all', async () => {
    const env = { TRACE_CATALOG_LIST_DIR: 'one-shelf', TRACE_DIR: 'no-shelf' }
    expect((await run(['catalog', 'list'], env)).out).toContain('one-shelf has no cards')
    const elsewhere = await run(['catalog', 'list'], { TRACE_CATALOG_ADD_DIR: 'one-shelf' })
    expect(elsewhere).toMatchObject({ code: 0, err: '' })
  })

  test('what means another thing for each verb is not taken from a variable for all', async () => {
    const { code, err } = await run(['plan', 'none.arrow'], { TRACE_TO: 'csv' })
    expect(code).toBe(3)
    expect(err).toContain(
      'trace: TRACE_TO is not read: --to differs between verbs; set TRACE_PLAN_TO\n',
    )
    const named = await run(['plan', 'none.arrow'], { TRACE_PLAN_TO: 'csv' })
    expect(named).toMatchObject({ code: 2 })
    expect(named.err).toMatch(/^trace: --to/)
  })

  test('a slip is said, by name and never by value', async () => {
    const { err } = await run(['plan', 'none.arrow'], {
      TRACE_SPED: 'secret',
      TRACE_PLAN_MOOD: 'secret',
    })
    expect(err).toContain('trace: TRACE_PLAN_MOOD sets nothing; did you mean TRACE_PLAN_MODE?\n')
    expect(err).toContain('trace: TRACE_SPED sets nothing; did you mean TRACE_SPEED?\n')
    expect(err).not.toContain('secret')
  })

  test("other verbs' variables, keys, names of other programs and of services are no slips", async () => {
    const { err } = await run(['catalog', 'list'], {
      TRACE_SPEED: '2x',
      TRACE_KEY: 'ab',
      TRACE_UPSTREAM_KEY: 'ab',
      TRACE_ID: 'x',
      TRACE_CATALOG_LIST_PORT: 'tcp://10.0.0.7:80',
      TRACE_CATALOG_LIST_SERVICE_HOST: '10.0.0.7',
    })
    expect(err).toBe('')
    const synth = await run(['synth', 'none.yaml', 'none.arrow'], { TRACE_SPEED: '2x' })
    expect(synth.err).not.toContain('TRACE_')
  })
})
