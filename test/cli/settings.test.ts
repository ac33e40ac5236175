import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { addSettings, applySettings } from '../../src/cli/settings.ts'
import { testWorld } from '../support/test-world.ts'

const collect = (text: string, earlier: readonly string[]) => [...earlier, text]

async function settle(argv: readonly string[], env: Record<string, string> = {}, yaml?: string) {
  const command = addSettings(
    new Command('replay')
      .exitOverride()
      .option('--speed <factor>', '', '1x')
      .option('--map-model <pair>', '', collect, [])
      .option('--drift [other]', '')
      .option('--recipient <tenant...>', '')
      .option('--force', ''),
  )
  const words = [...argv]
  if (yaml !== undefined) {
    const path = join(mkdtempSync(join(tmpdir(), 'trace-settings-')), 'trace.yaml')
    writeFileSync(path, yaml)
    words.push('--config', path)
  }
  await applySettings(command, words, testWorld({ env }).world)
  const { config: _, ...values } = (await command.parseAsync(words, { from: 'user' })).opts()
  return values
}

test('a flag wins over the environment, that over the file, that over the default', async () => {
  const yaml = 'replay: {speed: 3x}'
  expect(await settle([])).toEqual({ speed: '1x', mapModel: [] })
  expect(await settle([], {}, yaml)).toMatchObject({ speed: '3x' })
  expect(await settle([], { TRACE_SPEED: '4x' }, yaml)).toMatchObject({ speed: '4x' })
  expect(await settle(['--speed', '5x'], { TRACE_SPEED: '4x' }, yaml)).toMatchObject({
    speed: '5x',
  })
})

test('lists and switches can come from the file and the environment', async () => {
  expect(await settle([], {}, 'replay:\n  map-model: [a=b, c=d]\n  force: true\n')).toMatchObject({
    mapModel: ['a=b', 'c=d'],
    force: true,
  })
  expect(await settle([], { TRACE_MAP_MODEL: 'e=f', TRACE_FORCE: '0' })).toMatchObject({
    mapModel: ['e=f'],
    force: false,
  })
})

test('a flag that takes several values takes them from everywhere, and only from the strongest place', async () => {
  const yaml = 'replay: {recipient: [a, b]}'
  expect(await settle([], {}, yaml)).toMatchObject({ recipient: ['a', 'b'] })
  expect(await settle([], { TRACE_RECIPIENT: 'c' }, yaml)).toMatchObject({ recipient: ['c'] })
  const words = ['--recipient', 'd', 'e', '--recipient', 'f']
  expect(await settle(words, { TRACE_RECIPIENT: 'c' }, yaml)).toMatchObject({
    recipient: ['d', 'e', 'f'],
  })
})

test('a key that is no option, broken YAML and a missing file are usage errors that name the place', async () => {
  await expect(settle([], {}, 'replay: {sped: 2x}')).rejects.toThrow("replay has no option 'sped'")
  await expect(settle([], {}, 'replay: [')).rejects.toThrow('line 1, column')
  await expect(settle(['--config', 'no-such.yaml'])).rejects.toThrow(
    '--config: no-such.yaml is not there',
  )
})

test('a secret in the environment is never taken for the value of a flag of that name', async () => {
  const command = addSettings(
    new Command('any').exitOverride().option('--key <file>').option('--upstream-key <file>'),
  )
  const env = { TRACE_KEY: 'secret', TRACE_UPSTREAM_KEY: 'secret' }
  await applySettings(command, [], testWorld({ env }).world)
  expect((await command.parseAsync([], { from: 'user' })).opts()).toEqual({})
})

test('a repeated flag adds to the flags before it and replaces what environment and file said', async () => {
  const yaml = 'replay:\n  map-model: [a=b, c=d]\n'
  expect(await settle(['--map-model', 'x=y'], { TRACE_MAP_MODEL: 'e=f' }, yaml)).toMatchObject({
    mapModel: ['x=y'],
  })
  expect(await settle(['--map-model', 'x=y', '--map-model', 'z=z'], {}, yaml)).toMatchObject({
    mapModel: ['x=y', 'z=z'],
  })
})

test('a flag that may stand without a value can be switched on and off, or given one', async () => {
  const drift = async (text: string) => (await settle([], {}, `replay: {drift: ${text}}`))['drift']
  expect(await drift('true')).toBe(true)
  expect(await drift('false')).toBeUndefined()
  expect(await drift('other.arrow')).toBe('other.arrow')
})
