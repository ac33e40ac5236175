/** Traces on their way between two teams: web server, folder, S3, registry; cut, changed and whole. */
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { sequenceFor } from '../../src/base/random.ts'
import { startEngine } from '../../src/engine/engine.ts'
import { ENGINE_DEFAULTS, parseEngineOptions } from '../../src/engine/options.ts'
import { createTrace } from '../../src/trace/create.ts'
import { newHeader } from '../../src/trace/header.ts'
import { runTrace, sendAlong, sha256 } from '../support/share-chain.ts'
import { hasShareServers, shareServers } from '../support/share-servers.ts'
import { ShelfServer } from '../support/shelf-server.ts'
import { StallingProxy } from '../support/stalling-proxy.ts'

const FIXTURE = fileURLToPath(new URL('../../fixtures/trace-v1.arrow', import.meta.url))
const trace = (at: string, ...argv: string[]) => runTrace(at, {}, argv)

let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'share-'))
})

describe('a web server', () => {
  const server = new ShelfServer()
  let origin = ''
  beforeAll(async () => {
    origin = await server.listen()
  })
  afterAll(() => server.close())
  afterEach(() => {
    server.files.clear()
    server.ranges.length = 0
    server.knowsRanges = true
    server.keepsParts = false
  })

  test('gets a file under its digest, and gives it back checked', async () => {
    const pushed = await trace(home, 'push', FIXTURE, `${origin}/{digest}.arrow`)
    expect(pushed).toMatchObject({ code: 0, err: '' })
    const address = `${origin}/${sha256(FIXTURE)}.arrow`
    const pulled = await trace(home, 'pull', address, 'back.arrow')
    expect(pulled.out).toContain('as promised')
    expect(sha256(join(home, 'back.arrow'))).toBe(sha256(FIXTURE))
  })

  test('an upload that the server breaks off is one sentence, names what is left, and can be repeated', async () => {
    const address = `${origin}/x.arrow`
    server.dieAfterBytes = 20_000
    const broken = await trace(home, 'push', FIXTURE, address)
    expect(broken).toMatchObject({ code: 4, out: '' })
    expect(broken.err).toContain('the upload broke off')
    expect(server.files.size).toBe(0)
    server.dieAfterBytes = 20_000
    server.keepsParts = true
    const half = await trace(home, 'push', FIXTURE, address)
    expect(half.err).toMatch(/has [\d,]+ of [\d,]+ bytes under that name/)
    expect(await trace(home, 'push', FIXTURE, address)).toMatchObject({ code: 0, err: '' })
    expect(server.files.get('/x.arrow')?.equals(readFileSync(FIXTURE))).toBe(true)
  })

  test('a cut download leaves nothing under its name, and the next one fetches only the rest', async () => {
    const bytes = readFileSync(FIXTURE)
    server.files.set('/x.arrow', bytes)
    server.cutAfterBytes = 20_000
    const first = await trace(home, 'pull', `${origin}/x.arrow`, 'x.arrow')
    expect(first).toMatchObject({ code: 4 })
    expect(first.err).toContain('only the rest is fetched')
    expect(existsSync(join(home, 'x.arrow'))).toBe(false)
    const second = await trace(home, 'pull', `${origin}/x.arrow`, 'x.arrow')
    expect(second.out).toContain('resumed after 20 kB')
    expect(server.ranges).toEqual([null, 'bytes=20000-'])
    expect(sha256(join(home, 'x.arrow'))).toBe(sha256(FIXTURE))
  })

  test('a file that changed in between is fetched anew, not joined to the old half', async () => {
    server.files.set('/x.arrow', Buffer.alloc(40_000, 1))
    server.cutAfterBytes = 10_000
    await trace(home, 'pull', `${origin}/x.arrow`, 'x.arrow')
    server.files.set('/x.arrow', readFileSync(FIXTURE))
    server.etag = '"2"'
    await trace(home, 'pull', `${origin}/x.arrow`, 'x.arrow')
    expect(sha256(join(home, 'x.arrow'))).toBe(sha256(FIXTURE))
  })

  test('a server that knows no ranges sends everything again, and the file is right', async () => {
    server.files.set('/x.arrow', readFileSync(FIXTURE))
    server.cutAfterBytes = 10_000
    server.knowsRanges = false
    await trace(home, 'pull', `${origin}/x.arrow`, 'x.arrow')
    await trace(home, 'pull', `${origin}/x.arrow`, 'x.arrow')
    expect(sha256(join(home, 'x.arrow'))).toBe(sha256(FIXTURE))
  })

  test('a file other than the promised one is refused, and nothing of it is kept', async () => {
    const address = `${origin}/${sha256(FIXTURE)}.arrow`
    server.files.set(new URL(address).pathname, Buffer.alloc(500, 7))
    const pulled = await trace(home, 'pull', address, 'x.arrow')
    expect(pulled).toMatchObject({ code: 3 })
    expect(pulled.err).toContain('is not the file with digest')
    expect(existsSync(join(home, 'x.arrow'))).toBe(false)
    expect(readdirSync(join(home, 'cache/vllm-trace/parts'))).toEqual([])
  })

  test('the same digest a second time comes from the cache, without a request', async () => {
    const address = `${origin}/${sha256(FIXTURE)}.arrow`
    server.files.set(new URL(address).pathname, readFileSync(FIXTURE))
    await trace(home, 'pull', address, 'a.arrow')
    server.files.clear()
    const again = await trace(home, 'pull', address, 'b.arrow')
    expect(again.out).toContain('from the cache')
    expect(sha256(join(home, 'b.arrow'))).toBe(sha256(FIXTURE))
  })

  test('a damaged cache is not believed', async () => {
    const digest = sha256(FIXTURE)
    const address = `${origin}/${digest}.arrow`
    server.files.set(new URL(address).pathname, readFileSync(FIXTURE))
    mkdirSync(join(home, 'cache/vllm-trace/sha256'), { recursive: true })
    writeFileSync(join(home, 'cache/vllm-trace/sha256', digest), 'not it')
    await trace(home, 'pull', address, 'a.arrow')
    expect(sha256(join(home, 'a.arrow'))).toBe(digest)
  })

  test('redirects are followed; what is not there is said so', async () => {
    server.files.set('/x.arrow', readFileSync(FIXTURE))
    expect((await trace(home, 'pull', `${origin}/moved/x.arrow`, 'x.arrow')).code).toBe(0)
    const missing = await trace(home, 'pull', `${origin}/none.arrow`)
    expect(missing).toMatchObject({ code: 3 })
    expect(missing.err).toContain('answered 404')
  })

  test('convert reads a trace of another format from an address', async () => {
    const csv = 'TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.68,374,44\n'
    server.files.set('/azure.csv', Buffer.from(csv))
    const out = join(home, 'azure.arrow')
    expect(await trace(home, 'convert', `${origin}/azure.csv`, out)).toMatchObject({ code: 0 })
    expect(existsSync(out)).toBe(true)
  })
})

describe('a folder', () => {
  test('takes a file whole; the same again is no copy, another file of that name is refused', async () => {
    const shelf = join(home, 'shelf')
    mkdirSync(shelf)
    expect((await trace(home, 'push', FIXTURE, shelf)).code).toBe(0)
    expect((await trace(home, 'push', FIXTURE, shelf)).out).toContain('was there already')
    writeFileSync(join(shelf, 'trace-v1.arrow'), 'another')
    expect(await trace(home, 'push', FIXTURE, shelf)).toMatchObject({ code: 2 })
    expect(readFileSync(join(shelf, 'trace-v1.arrow'), 'utf8')).toBe('another')
    expect(readdirSync(shelf)).toEqual(['trace-v1.arrow'])
  })

  test('what is no whole trace does not leave', async () => {
    const half = join(home, 'half.arrow')
    writeFileSync(half, readFileSync(FIXTURE).subarray(0, 30_000))
    expect((await trace(home, 'push', half, `${home}/shelf/`)).code).toBe(3)
  })
})

describe.skipIf(!hasShareServers)(
  'a real S3 server and a real registry (skipped without them)',
  () => {
    const servers = shareServers()
    const withS3 = (...argv: string[]) => runTrace(home, servers.s3.env, argv)

    test('what one team scrubs, signs and pushes, another pulls, verifies, inspects and replays', async () => {
      const engine = await startEngine(
        parseEngineOptions({
          ...ENGINE_DEFAULTS,
          listen: '127.0.0.1:0',
          profile: 'tiny-cpu',
          prefixCaching: true,
        }),
        systemClock,
      )
      try {
        // Recorded in front of a real vLLM.
        const recording = fileURLToPath(
          new URL('../../traces/tour-vllm-cpu.arrow', import.meta.url),
        )
        const places = [
          's3://traces/2026/{digest}.arrow',
          `oci://${servers.registry.host}/team/chat:nightly`,
        ]
        expect(await sendAlong(recording, places, servers.s3.env, engine.url)).toBe(10)
      } finally {
        await engine.close()
      }
    })

    test('files over 16 MB go up in parts and come back whole', async () => {
      const csv = `TIMESTAMP,ContextTokens,GeneratedTokens\n${'2023-11-16 18:15:46.68,374,44\n'.repeat(250_000)}`
      const source = join(home, 'many.csv')
      writeFileSync(source, csv)
      const big = join(home, 'big.sqlite')
      expect((await withS3('convert', source, big)).code).toBe(0)
      expect(readFileSync(big).length).toBeGreaterThan(16 * 1_024 * 1_024)
      expect((await withS3('push', big, 's3://traces/big.sqlite')).code).toBe(0)
      expect((await withS3('pull', 's3://traces/big.sqlite', 'back.sqlite')).code).toBe(0)
      expect(sha256(join(home, 'back.sqlite'))).toBe(sha256(big))
    })

    test('a missing object, a missing bucket and a wrong key are one sentence each', async () => {
      const missing = await withS3('pull', 's3://traces/none.arrow')
      expect(missing).toMatchObject({ code: 3, err: expect.stringContaining('is not there') })
      expect(missing.err).toContain('Are bucket, key and --endpoint-url right?')
      const nowhere = await withS3('push', FIXTURE, 's3://nowhere/x.arrow')
      expect(nowhere).toMatchObject({ code: 4 })
      expect(nowhere.err).toContain('there is no bucket nowhere to put it into')
      const wrong = { ...servers.s3.env, AWS_SECRET_ACCESS_KEY: 'wrong' }
      const denied = await runTrace(home, wrong, ['push', FIXTURE, 's3://traces/x.arrow'])
      expect(denied).toMatchObject({ code: 4 })
      expect(denied.err).not.toContain('wrong')
    })

    test('a card goes beside a trace, or into its artifact, and the trace is still found', async () => {
      await withS3('push', FIXTURE, 's3://traces/carded.arrow', '--card')
      const card = await withS3('pull', 's3://traces/carded.arrow.md', 'card.md')
      expect(card.code).toBe(0)
      expect(readFileSync(join(home, 'card.md'), 'utf8')).toContain('# trace-v1.arrow')
      const oci = `oci://${servers.registry.host}/team/carded:v1`
      expect((await withS3('push', FIXTURE, oci, '--card')).code).toBe(0)
      expect((await withS3('pull', oci, 'back.arrow')).code).toBe(0)
      expect(sha256(join(home, 'back.arrow'))).toBe(sha256(FIXTURE))
    })

    test.each([
      ['SIGINT', 'S3'],
      ['SIGKILL', 'S3'],
      ['SIGINT', 'registry'],
      ['SIGKILL', 'registry'],
    ] as const)('an upload ended by %s leaves nothing to see in the %s', async (signal, place) => {
      const big = join(home, 'big.arrow')
      await writeLargeTrace(big)
      const origin = place === 'S3' ? new URL(servers.s3.endpoint).host : servers.registry.host
      const gate = await StallingProxy.start(origin, STALL_AFTER_BYTES)
      const name = `stopped-${signal.toLowerCase()}`
      const address = (host: string) =>
        place === 'S3' ? `s3://traces/${name}.arrow` : `oci://${host}/team/${name}:v1`
      const env = { ...servers.s3.env, AWS_ENDPOINT_URL: `http://${gate.host}` }
      const words = ['bin/trace.js', 'push', big, address(gate.host)]
      const child = spawn(process.execPath, words, {
        env: { ...process.env, ...env, HOME: home },
        stdio: 'ignore',
      })
      await gate.stalled
      const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)))
      child.kill(signal)
      expect(await ended).toBe(signal === 'SIGINT' ? 130 : null)
      gate.close()
      expect(await withS3('pull', address(servers.registry.host), 'x.arrow')).toMatchObject({
        code: 3,
      })
      expect(existsSync(join(home, 'x.arrow'))).toBe(false)
    })
  },
)

/** More than goes through before the stall, so that it happens inside the file. */
const STALL_AFTER_BYTES = 2_000_000

/** Random numbers do not pack. */
async function writeLargeTrace(path: string): Promise<void> {
  const writer = await createTrace(path, newHeader('recorded', {}))
  const draw = sequenceFor('large', 'trace')
  for (let from = 0; from < 200_000; from += 10_000) {
    await writer.addRequests(
      Array.from({ length: 10_000 }, (_, index) => ({
        seq: from + index,
        atUs: (from + index) * 1_000,
        endpoint: 'chat',
        promptTokens: Math.floor(draw() * 1e6),
        outputTokens: Math.floor(draw() * 1e6),
        ttftUs: Math.floor(draw() * 1e9),
        e2eUs: Math.floor(draw() * 1e9),
      })),
    )
  }
  await writer.finish()
}
