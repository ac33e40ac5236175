import { createPrivateKey, createPublicKey } from 'node:crypto'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatVerification, isVerified, signTrace, verifyTrace } from '../../src/share/sign.ts'
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
    const before = (await verifyTrace(path, [])).rowDigest
    const [mine, other] = [keys(), keys()]
    await signTrace(path, mine.secret)
    await signTrace(path, mine.secret)
    const verification = await verifyTrace(path, [mine.open])
    expect(verification).toMatchObject({
      rowDigest: before,
      isIntact: true,
      hasDigest: true,
      signatures: [{ isGood: true, isTrusted: true }],
    })
    expect(isVerified(verification, true)).toBe(true)
    expect(isVerified(await verifyTrace(path, [other.open]), true)).toBe(false)
  })

  test('no signature is no proof', async () => {
    expect(isVerified(await verifyTrace(await traceFile('arrow'), []), false)).toBe(false)
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
    expect((await verifyTrace(forged, [])).signatures).toMatchObject([{ isGood: false }])
    expect(readFileSync(path).length).toBeGreaterThan(0)
  })
})

test('a trace that names no digest is not called changed, and is not verified either', () => {
  const bare = { path: 'prod', rowDigest: 'ab', isIntact: false, hasDigest: false, signatures: [] }
  expect(formatVerification(bare, false)).toContain('names no digest')
  expect(isVerified(bare, false)).toBe(false)
  expect(formatVerification({ ...bare, hasDigest: true }, false)).toContain('NOT those')
})
