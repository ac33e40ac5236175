/** Names and passwords of the usual files, against servers that ask for them. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runTrace, sha256 } from '../support/share-chain.ts'
import { hasRegistry, startRegistry, type Registry } from '../support/share-servers.ts'
import { ShelfServer } from '../support/shelf-server.ts'
import { TokenFront } from '../support/token-front.ts'

const FIXTURE = fileURLToPath(new URL('../../fixtures/trace-v1.arrow', import.meta.url))

/** bcrypt of the password below, as `htpasswd -B` writes it. */
const HTPASSWD = 'ops:$2b$04$CoXX61Fv53SqNP7UxWJ7JuUm4NlYhv5FUxb9nl5CNSxs9ewfEr4Bm\n'
const PASSWORD = 'open sesame'

let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'login-'))
})
const trace = (...argv: string[]) => runTrace(home, {}, argv)

/** As `docker login` and `oras login` leave it. */
function dockerLogin(host: string, password: string): void {
  mkdirSync(join(home, '.docker'))
  const auth = btoa(`ops:${password}`)
  writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths: { [host]: { auth } } }))
}

describe.skipIf(!hasRegistry)('a real registry with a login (skipped without one)', () => {
  let registry: Registry
  beforeAll(async () => {
    registry = await startRegistry(HTPASSWD)
  })
  afterAll(() => registry.stop())

  test('takes the login of ~/.docker/config.json, for push and pull', async () => {
    dockerLogin(registry.host, PASSWORD)
    const place = `oci://${registry.host}/team/chat:v1`
    expect(await trace('push', FIXTURE, place)).toMatchObject({ code: 0, err: '' })
    expect(await trace('pull', place, 'back.arrow')).toMatchObject({ code: 0 })
    expect(sha256(join(home, 'back.arrow'))).toBe(sha256(FIXTURE))
  })

  test('without a login, or with a wrong one, says so and never the password', async () => {
    const place = `oci://${registry.host}/team/other:v1`
    const none = await trace('push', FIXTURE, place)
    expect(none).toMatchObject({ code: 4, err: expect.stringContaining('answered 401') })
    expect(none.err).toContain('.docker/config.json')
    dockerLogin(registry.host, 'wrong-password')
    const wrong = await trace('push', FIXTURE, place)
    expect(wrong).toMatchObject({ code: 4, err: expect.stringContaining('answered 401') })
    expect(wrong.err).not.toContain('wrong-password')
  })
})

describe.skipIf(!hasRegistry)(
  'a real registry behind a token service (skipped without one)',
  () => {
    let registry: Registry
    let front: TokenFront
    let host = ''
    beforeAll(async () => {
      registry = await startRegistry()
      front = new TokenFront(registry.host, 'ops', PASSWORD)
      host = await front.listen()
    })
    afterAll(async () => {
      front.close()
      await registry.stop()
    })

    test('trades the login for a token of this repository', async () => {
      dockerLogin(host, PASSWORD)
      const place = `oci://${host}/team/chat:v1`
      expect(await trace('push', FIXTURE, place)).toMatchObject({ code: 0, err: '' })
      expect(await trace('pull', place, 'back.arrow')).toMatchObject({ code: 0 })
      expect(sha256(join(home, 'back.arrow'))).toBe(sha256(FIXTURE))
      expect(new Set(front.scopes)).toEqual(new Set(['repository:team/chat:pull,push']))
    })
  },
)

describe('a web server with a login', () => {
  const server = new ShelfServer()
  const other = new ShelfServer()
  let origin = ''
  let elsewhere = ''
  beforeAll(async () => {
    origin = await server.listen()
    elsewhere = await other.listen()
    server.login = `ops:${PASSWORD}`
  })
  afterAll(() => {
    server.close()
    other.close()
  })

  test('gets the login of ~/.netrc, for push and pull', async () => {
    writeFileSync(join(home, '.netrc'), 'machine 127.0.0.1 login ops password "open sesame"\n')
    expect((await trace('push', FIXTURE, `${origin}/x.arrow`)).code).toBe(0)
    expect((await trace('pull', `${origin}/x.arrow`, 'x.arrow')).code).toBe(0)
    expect(sha256(join(home, 'x.arrow'))).toBe(sha256(FIXTURE))
  })

  test('is refused without, in one sentence', async () => {
    const refused = await trace('pull', `${origin}/x.arrow`, 'x.arrow')
    expect(refused).toMatchObject({ code: 4, err: expect.stringContaining('answered 401') })
  })

  test('does not have its login passed on to where it redirects', async () => {
    writeFileSync(join(home, '.netrc'), 'machine 127.0.0.1 login ops password "open sesame"\n')
    server.elsewhere = elsewhere
    other.files.set('/y.arrow', Buffer.from('x'))
    await trace('pull', `${origin}/elsewhere/y.arrow`, 'y.arrow')
    expect(other.authorizations).toEqual([null, null])
  })
})
