/** Ed25519 signatures over what a trace says: its row digest and its header. Pure. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import { TraceError } from '../base/errors.ts'
import { formatHeader } from '../trace/header-json.ts'
import type { TraceHeader } from '../trace/header.ts'

export type Signature = TraceHeader['signatures'][number]

/**
 * The bytes that are signed: a line that names the scheme, one with the row digest, then the header
 * as it stands in files, its digest null and its signatures none, so that several people can sign.
 */
export function signedBytes(header: TraceHeader, rowDigest: string): Buffer {
  const bare = formatHeader({ ...header, signatures: [], rowDigest: null })
  return Buffer.from(`vllm-trace signature 1\n${rowDigest}\n${bare}`)
}

export function signHeader(header: TraceHeader, rowDigest: string, key: KeyObject): Signature {
  const publicKey = createPublicKey(key)
  return {
    keyId: keyIdOf(publicKey),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    signature: sign(null, signedBytes(header, rowDigest), key).toString('base64'),
  }
}

/** @returns false also where key or signature are no such things */
export function isSignatureGood(
  header: TraceHeader,
  rowDigest: string,
  signature: Signature,
): boolean {
  try {
    const key = createPublicKey({
      key: Buffer.from(signature.publicKey, 'base64'),
      type: 'spki',
      format: 'der',
    })
    const isNamed = keyIdOf(key) === signature.keyId
    const bytes = Buffer.from(signature.signature, 'base64')
    return isNamed && verify(null, signedBytes(header, rowDigest), key, bytes)
  } catch {
    return false
  }
}

/** First 64 bits of the SHA-256 of the public key: what two people read to each other. */
export function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('hex').slice(0, 16)
}

/** @throws TraceError BAD_OPTION if it is no Ed25519 key in PEM */
export function privateKeyOf(flag: string, pem: string): KeyObject {
  return keyOf(flag, () => createPrivateKey(pem))
}

/** @throws TraceError BAD_OPTION if it is no Ed25519 key in PEM */
export function publicKeyOf(flag: string, pem: string): KeyObject {
  return keyOf(flag, () => createPublicKey(pem))
}

function keyOf(flag: string, read: () => KeyObject): KeyObject {
  let key: KeyObject | null = null
  try {
    key = read()
  } catch {
    key = null
  }
  if (key?.asymmetricKeyType === 'ed25519') return key
  throw new TraceError('BAD_OPTION', `${flag} wants a file with an Ed25519 key in PEM`, {
    hint: 'Make one with `trace sign --new-key NAME` or `openssl genpkey -algorithm ed25519`.',
  })
}

/** A fresh pair in PEM: the private half is to be kept, the public half given away. */
export function newKeyPair(): Readonly<{ privatePem: string; publicPem: string; keyId: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  return {
    privatePem: privateKey,
    publicPem: publicKey,
    keyId: keyIdOf(createPublicKey(publicKey)),
  }
}
