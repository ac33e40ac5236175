/** Signs a trace file, and checks who signed it. Effects: reads and writes trace files. */
import type { KeyObject } from 'node:crypto'
import { fold } from '../base/fold.ts'
import { copyTrace } from '../trace/copy.ts'
import { writeTrace } from '../trace/create.ts'
import { openTrace, tracePaths } from '../trace/open.ts'
import { isSignatureGood, keyIdOf, signHeader } from './signature.ts'
import { checkedDigest, digestsOf } from './whole-trace.ts'

/**
 * Adds a signature; one of the same key is replaced. The file is written anew and keeps its digest.
 *
 * @returns the key's id
 * @throws TraceError TRACE_UNREADABLE if the trace is not complete, or not what its header says
 */
export async function signTrace(path: string, key: KeyObject): Promise<string> {
  const reader = await openTrace(path)
  try {
    const digest = await checkedDigest(path)
    const signature = signHeader(reader.header, digest, key)
    const others = reader.header.signatures.filter(({ keyId }) => keyId !== signature.keyId)
    const header = { ...reader.header, signatures: [...others, signature] }
    await writeTrace(path, header, true, (writer) => copyTrace(reader, writer))
    return signature.keyId
  } finally {
    await reader.close()
  }
}

export type Verification = Readonly<{
  path: string
  rowDigest: string
  /** The rows are those of the digest in the header, and the file has its end. */
  isIntact: boolean
  /** A recording names none in its file: its rows were still coming. */
  hasDigest: boolean
  signatures: readonly Readonly<{ keyId: string; isGood: boolean; isTrusted: boolean }>[]
}>

/**
 * @param path a file, or the folder of a recording: each segment has a digest of its own
 * @param trusted keys whose signatures count; without any, each good signature counts
 */
export async function verifyTraces(
  path: string,
  trusted: readonly KeyObject[],
): Promise<Verification[]> {
  const verifications: Verification[] = []
  for (const file of tracePaths(path)) verifications.push(await verifyTrace(file, trusted))
  return verifications
}

async function verifyTrace(path: string, trusted: readonly KeyObject[]): Promise<Verification> {
  const { digest, told, isComplete } = await digestsOf(path)
  const reader = await openTrace(path)
  const { header } = reader
  await reader.close()
  const trustedIds = new Set(trusted.map(keyIdOf))
  const signatures = header.signatures.map((signature) => ({
    keyId: signature.keyId,
    isGood: isSignatureGood(header, digest, signature),
    isTrusted: trustedIds.has(signature.keyId),
  }))
  const isIntact = isComplete && told === digest
  return { path, rowDigest: digest, isIntact, hasDigest: told !== null, signatures }
}

/** Each is intact, and signed by somebody who counts; no signature may be bad. */
export function areVerified(verifications: readonly Verification[], hasTrusted: boolean): boolean {
  return verifications.every((each) => isVerified(each, hasTrusted))
}

function isVerified(verification: Verification, hasTrusted: boolean): boolean {
  const { isIntact, signatures } = verification
  const counting = signatures.filter(({ isTrusted }) => isTrusted || !hasTrusted)
  return isIntact && counting.length > 0 && signatures.every(({ isGood }) => isGood)
}

/** All of a file; of a recording how many segments hold, and those that do not, or that anybody signed. */
export function formatVerifications(
  path: string,
  verifications: readonly Verification[],
  hasTrusted: boolean,
): string {
  const [first] = verifications
  if (verifications.length === 1 && first !== undefined) {
    return formatVerification({ ...first, path }, hasTrusted)
  }
  const holding = verifications.filter(({ isIntact }) => isIntact).length
  const count = `${holding} of ${verifications.length} segments hold: rows are those of their digests`
  const isSigned = verifications.some(({ signatures }) => signatures.length > 0)
  const told = verifications
    .filter(({ isIntact }) => isSigned || !isIntact)
    .map((each) => formatVerification(each, hasTrusted))
  return [fold(`${path}  ${count}\n`), ...told, isSigned ? '' : '  nobody signed it\n'].join('')
}

function formatVerification(verification: Verification, hasTrusted: boolean): string {
  const { path, rowDigest: digest, signatures } = verification
  const state = stateOf(verification)
  const lines = signatures.map(({ keyId, isGood, isTrusted }) => {
    const standing = hasTrusted ? (isTrusted ? ' · trusted' : ' · not a trusted key') : ''
    return `  ${isGood ? 'good' : 'BAD'} signature of key ${keyId}${standing}`
  })
  if (lines.length === 0) lines.push('  nobody signed it')
  return fold([`${path}  ${state} · ${digest.slice(0, 16)}`, ...lines, ''].join('\n'))
}

function stateOf({ isIntact, hasDigest }: Verification): string {
  if (isIntact) return 'rows are those of its digest'
  return hasDigest ? 'rows are NOT those of its digest' : 'names no digest to hold its rows against'
}
