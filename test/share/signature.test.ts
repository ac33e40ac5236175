import { createPrivateKey, createPublicKey } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { areVerified, formatVerifications, signTrace, verifyTraces } from '../../src/share/sign.ts'
import { isSignatureGood, newKeyPair, privateKeyOf, signHeader } from '../../src/share/signature.ts'
import { createTrace } from '../../src/trace/create.ts'
import { newHeader } from '../../src/trace/header.ts'
import { openTrace } from '../../src/trace/open.ts'

const keys = () => {
  const { privatePem, publicPem } = newKeyPair()
  return { secret: createPrivateKey(privatePem), open: createPublicKey(publicPem) }
}

async function traceFile(ending: string): Promise<string> {
  const path = join(mkdtempSync(join(tmpdir(), 'sign-')), `x.${ending}`)
  const writer = await createTrace(path, newHeader('recorded', { labels: { team: 'a' } }))
  await writer.addRequests([{ seq: 0, atUs: 0, endpoint: 'chat', promptTokens: 5 }])
  await writer.finish()
  return path
}

describe('a signature', () => {
  test('holds for this header and these rows, and for no others', () => {
    const { secret } = keys()
    const header = newHeader('recorded', { labels: { a: 'b' } })
    const signature = signHeader(header, 'ff', secret)
    expect(isSignatureGood(header, 'ff', signature)).toBe(true)
    expect(isSignatureGood(header, 'fe', signature)).toBe(false)
    expect(isSignatureGood({ ...header, licence: 'MIT' }, 'ff', signature)).toBe(false)
    expect(isSignatureGood(header, 'ff', { ...signature, keyId: '0'.repeat(16) })).toBe(false)
    expect(isSignatureGood(header, 'ff', { ...signature, publicKey: 'x' })).toBe(false)
  })

  test('does not cover the other signatures, so that several people can sign', () => {
    const [first, second] = [keys(), keys()]
    const header = newHeader('recorded')
    const one = signHeader(header, 'ff', first.secret)
    const both = { ...header, signatures: [one, signHeader(header, 'ff', second.secret)] }
    expect(both.signatures.every((each) => isSignatureGood(both, 'ff', each))).toBe(true)
  })

  test('needs an Ed25519 key', () => {
    expect(() => privateKeyOf('--key', 'no key')).toThrow('--key wants a file with an Ed25519 key')
  })
})

describe('a signed trace file', () => {
  test.each(['arrow', 'sqlite'])('%s keeps its digest and says who signed it', async (ending) => {
    const path = await traceFile(ending)
    const before = (await verifyTraces(path, []))[0]?.rowDigest
    const [mine, other] = [keys(), keys()]
    await signTrace(path, mine.secret)
    await signTrace(path, mine.secret)
    const verifications = await verifyTraces(path, [mine.open])
    expect(verifications).toMatchObject([
      {
        rowDigest: before,
        isIntact: true,
        hasDigest: true,
        signatures: [{ isGood: true, isTrusted: true }],
      },
    ])
    expect(areVerified(verifications, true)).toBe(true)
    expect(areVerified(await verifyTraces(path, [other.open]), true)).toBe(false)
  })

  test('no signature is no proof', async () => {
    expect(areVerified(await verifyTraces(await traceFile('arrow'), []), false)).toBe(false)
  })

  test('a header that was changed after signing is noticed', async () => {
    const path = await traceFile('sqlite')
    await signTrace(path, keys().secret)
    const reader = await openTrace(path)
    const { header } = reader
    await reader.close()
    const forged = join(path, '..', 'forged.sqlite')
    const writer = await createTrace(forged, { ...header, labels: { team: 'b' } })
    await writer.addRequests([{ seq: 0, atUs: 0, endpoint: 'chat', promptTokens: 5 }])
    await writer.finish()
    expect((await verifyTraces(forged, []))[0]?.signatures).toMatchObject([{ isGood: false }])
    expect(readFileSync(path).length).toBeGreaterThan(0)
  })
})

test('a trace that names no digest is not called changed, and is not verified either', () => {
  const bare = { path: 'prod', rowDigest: 'ab', isIntact: false, hasDigest: false, signatures: [] }
  expect(formatVerifications('prod', [bare], false)).toContain('names no digest')
  expect(areVerified([bare], false)).toBe(false)
  const changed = { ...bare, hasDigest: true }
  expect(formatVerifications('prod', [changed], false)).toContain('NOT those')
})

test('a recording of several segments holds if each does, and names those that have no digest', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'verify-'))
  for (const name of ['000001', '000002', '000003'])
    renameSync(await traceFile('sqlite'), join(folder, `${name}.sqlite`))
  expect(formatVerifications(folder, await verifyTraces(folder, []), false)).toMatch(
    /3 of 3 segments hold: rows are those\s+of their digests\s+nobody signed it\n$/,
  )
  const { secret } = keys()
  for (const name of ['000001', '000002', '000003'])
    await signTrace(join(folder, `${name}.sqlite`), secret)
  const signed = await verifyTraces(folder, [])
  expect(areVerified(signed, false)).toBe(true)
  expect(formatVerifications(folder, signed, false).match(/good signature/g)).toHaveLength(3)
  const [first, ...others] = signed
  const unsigned = others.map((each) => ({ ...each, signatures: [] }))
  const some = [{ ...first!, isIntact: false, hasDigest: false, signatures: [] }, ...unsigned]
  const said = formatVerifications(folder, some, false)
  expect(said).toContain('2 of 3 segments hold')
  expect(said).toMatch(/000001\.sqlite\s+names no digest/)
  expect(said).not.toContain('000002.sqlite')
  expect(areVerified([first!, { ...others[0]!, isIntact: false }], false)).toBe(false)
})
