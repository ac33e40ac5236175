/** A trace's whole way from one team to another: scrub, sign, push; pull, verify, inspect, replay. */
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { main } from '../../src/cli/main.ts'
import { testWorld } from './test-world.ts'

export const sha256 = (path: string) =>
  createHash('sha256').update(readFileSync(path)).digest('hex')

/** Runs a verb as the shell would, with a cache and a home of its own. */
export async function runTrace(
  home: string,
  env: Readonly<Record<string, string | undefined>>,
  argv: readonly string[],
) {
  const { world, said } = testWorld({
    env: { ...process.env, ...env, HOME: home, XDG_CACHE_HOME: join(home, 'cache') },
    cwd: home,
    clock: systemClock,
  })
  const code = await main([...argv], world)
  return { code, ...said }
}

/**
 * @param destinations where the owner pushes to; the same addresses are pulled from
 * @param target what the other team replays against
 * @returns requests that the other team's replays had answered
 */
export async function sendAlong(
  recording: string,
  destinations: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  target: string,
): Promise<number> {
  let answeredCount = 0
  const home = mkdtempSync(join(tmpdir(), 'owner-'))
  const here = (...argv: string[]) => runTrace(home, env, argv)
  const partner = join(home, 'partner.arrow')
  expect(await here('scrub', recording, partner)).toMatchObject({ code: 0 })
  expect(await here('scrub', partner, '--check')).toMatchObject({ code: 0 })
  const key = join(home, 'ops.pem')
  expect(await here('sign', partner, '--new-key', key)).toMatchObject({ code: 0 })
  const digest = sha256(partner)
  for (const destination of destinations) {
    const address = destination.replaceAll('{digest}', digest)
    expect(await here('push', partner, destination, '--card')).toMatchObject({ code: 0 })
    expect((await here('push', partner, destination, '--card')).out).toContain('was there already')
    const elsewhere = mkdtempSync(join(tmpdir(), 'partner-'))
    const there = (...argv: string[]) => runTrace(elsewhere, env, argv)
    const got = join(elsewhere, 'got.arrow')
    expect((await there('pull', address, got)).out).toContain('as promised')
    expect(sha256(got)).toBe(digest)
    expect((await there('pull', address, 'again.arrow')).out).toContain('from the cache')
    expect(await there('verify', got, '--key', `${key}.pub`)).toMatchObject({ code: 0 })
    expect(await there('inspect', got)).toMatchObject({ code: 0 })
    const out = join(elsewhere, 'run.sqlite')
    const flags = ['--target', target, '--limit', '5', '--speed', '10x', '--out', out]
    const replayed = await there('replay', got, ...flags)
    expect(replayed.err).not.toContain('trace:')
    expect(existsSync(out)).toBe(true)
    const answered = await there('query', out, ANSWERED, '--format', 'csv')
    answeredCount += Number(answered.out.split('\n')[1])
  }
  return answeredCount
}

const ANSWERED = "select count(*) n from request where outcome = 'ok'"
