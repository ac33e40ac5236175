/** Traces on their way between two teams: web server, folder, S3, registry; cut, changed and whole. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { main } from '../../src/cli/main.ts'
import { startEngine } from '../../src/engine/engine.ts'
import { ENGINE_DEFAULTS, parseEngineOptions } from '../../src/engine/options.ts'
import { createTrace } from '../../src/trace/create.ts'
import { newHeader } from '../../src/trace/header.ts'
import { ShelfServer } from '../support/shelf-server.ts'
import { testWorld } from '../support/test-world.ts'

const FIXTURE = fileURLToPath(new URL('../../fixtures/trace-v1.arrow', import.meta.url))
const ENGINES = fileURLToPath(new URL('../../../shared/engines/', import.meta.url))
const enginesHome = process.env['ENGINES_DIR'] ?? join(homedir(), '.cache/engines')
const hasS3 = existsSync(`${ENGINES}start_s3.sh`) && existsSync(join(enginesHome, 'bin/versitygw'))
const hasRegistry =
  existsSync(`${ENGINES}start_registry.sh`) && existsSync('/usr/bin/docker-registry')

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

/** Runs a verb as the shell would; every place is fresh but the cache of one test. */
async function trace(home: string, ...argv: string[]) {
  const { world, said } = testWorld({
    env: { ...process.env, HOME: home, XDG_CACHE_HOME: join(home, 'cache') },
    cwd: home,
    clock: systemClock,
  })
  const code = await main(argv, world)
  return { code, ...said }
}

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
  })

  test('gets a file under its digest, and gives it back checked', async () => {
    const pushed = await trace(home, 'push', FIXTURE, `${origin}/{digest}.arrow`)
    expect(pushed).toMatchObject({ code: 0, err: '' })
    const address = `${origin}/${sha256(FIXTURE)}.arrow`
    const pulled = await trace(home, 'pull', address, 'back.arrow')
    expect(pulled.out).toContain('as promised')
    expect(sha256(join(home, 'back.arrow'))).toBe(sha256(FIXTURE))
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

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe.skipIf(!hasS3 || !hasRegistry)(
  'a real S3 server and a real registry (skipped without them)',
  () => {
    let registry = ''
    const env: Record<string, string> = {}
    const run = (script: string, verb: string) =>
      execFileSync('bash', [`${ENGINES}${script}`, verb], {
        env: { ...process.env, ...env, ENGINES_DIR: enginesHome },
        encoding: 'utf8',
      })

    beforeAll(async () => {
      env['S3_PORT'] = String(await freePort())
      env['REGISTRY_PORT'] = String(await freePort())
      run('start_s3.sh', 'start')
      run('start_registry.sh', 'start')
      registry = `127.0.0.1:${env['REGISTRY_PORT']}`
      for (const [, name = '', value = ''] of run('start_s3.sh', 'env').matchAll(
        /(AWS_\w+)=(\S+)/g,
      )) {
        process.env[name] = value
      }
      const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3')
      const endpoint = process.env['AWS_ENDPOINT_URL']!
      const client = new S3Client({ region: 'us-east-1', endpoint, forcePathStyle: true })
      await client.send(new CreateBucketCommand({ Bucket: 'traces' }))
      client.destroy()
    })

    afterAll(() => {
      run('start_s3.sh', 'stop')
      run('start_registry.sh', 'wipe')
    })

    /** A recording of this project if it has one, else one made here: tenants, sessions, shared prompts. */
    async function recording(): Promise<string> {
      const folder = fileURLToPath(new URL('../../traces/', import.meta.url))
      const own = existsSync(folder)
        ? readdirSync(folder).find((name) => name.endsWith('.arrow'))
        : undefined
      if (own !== undefined) return join(folder, own)
      const path = join(home, 'recorded.arrow')
      const writer = await createTrace(path, newHeader('recorded', { originWallUs: 1 }))
      await writer.addBlocks([
        { id: 1n, parent: null, tokens: 64 },
        { id: 2n, parent: 1n, tokens: 64 },
      ])
      await writer.addRequests(
        Array.from({ length: 60 }, (_, seq) => ({
          seq,
          atUs: seq * 20_000,
          endpoint: 'chat',
          model: 'tiny',
          tenant: `t${seq % 4}`,
          session: `s${seq % 12}`,
          promptTokens: 150 + seq,
          outputTokens: 5,
          prefixLeaf: seq % 2 === 0 ? 2n : 1n,
          prefixBlocks: seq % 2 === 0 ? 2 : 1,
          outcome: 'ok',
          stream: true,
        })),
      )
      await writer.finish()
      return path
    }

    test('what one team scrubs, signs and pushes, another pulls, verifies, inspects and replays', async () => {
      const partner = join(home, 'partner.arrow')
      expect(
        await trace(home, 'scrub', await recording(), partner, '--preset', 'partner'),
      ).toMatchObject({
        code: 0,
      })
      expect((await trace(home, 'scrub', partner, '--check')).code).toBe(0)
      const key = join(home, 'ops.pem')
      expect((await trace(home, 'sign', partner, '--new-key', key)).code).toBe(0)
      const digest = sha256(partner)
      const s3 = await trace(home, 'push', partner, 's3://traces/2026/{digest}.arrow')
      expect(s3).toMatchObject({ code: 0 })
      const oci = `oci://${registry}/traces/chat:nightly`
      expect((await trace(home, 'push', partner, oci)).code).toBe(0)
      expect((await trace(home, 'push', partner, oci)).out).toContain('was there already')

      for (const [name, source] of [
        ['s3', `s3://traces/2026/${digest}.arrow`],
        ['oci', oci],
      ] as const) {
        const other = mkdtempSync(join(tmpdir(), `other-${name}-`))
        const got = join(other, 'got.arrow')
        expect((await trace(other, 'pull', source, got)).out).toContain('as promised')
        expect(sha256(got)).toBe(digest)
        expect((await trace(other, 'verify', got, '--key', `${key}.pub`)).code).toBe(0)
        expect((await trace(other, 'inspect', got)).code).toBe(0)
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
          const out = join(other, 'run.sqlite')
          const target = ['--target', engine.url, '--limit', '5', '--speed', '10x']
          const replayed = await trace(other, 'replay', got, ...target, '--out', out)
          expect(replayed.err).not.toContain('trace:')
          expect(existsSync(out)).toBe(true)
        } finally {
          await engine.close()
        }
      }
    })

    test('files over 16 MB go up in parts and come back whole', async () => {
      const csv = `TIMESTAMP,ContextTokens,GeneratedTokens\n${'2023-11-16 18:15:46.68,374,44\n'.repeat(250_000)}`
      const source = join(home, 'many.csv')
      writeFileSync(source, csv)
      const big = join(home, 'big.sqlite')
      expect((await trace(home, 'convert', source, big)).code).toBe(0)
      expect(readFileSync(big).length).toBeGreaterThan(16 * 1_024 * 1_024)
      expect((await trace(home, 'push', big, 's3://traces/big.sqlite')).code).toBe(0)
      expect((await trace(home, 'pull', 's3://traces/big.sqlite', 'back.sqlite')).code).toBe(0)
      expect(sha256(join(home, 'back.sqlite'))).toBe(sha256(big))
    })

    test('a missing object and a wrong key are one sentence each', async () => {
      const missing = await trace(home, 'pull', 's3://traces/none.arrow')
      expect(missing).toMatchObject({ code: 3, err: expect.stringContaining('is not there') })
      const secret = process.env['AWS_SECRET_ACCESS_KEY']
      process.env['AWS_SECRET_ACCESS_KEY'] = 'wrong'
      const denied = await trace(home, 'push', FIXTURE, 's3://traces/x.arrow')
      process.env['AWS_SECRET_ACCESS_KEY'] = secret
      expect(denied).toMatchObject({ code: 4 })
      expect(denied.err).not.toContain('wrong')
    })
  },
)
