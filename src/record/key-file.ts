/**
 * The secret behind every keyed id. Whoever has it can test guesses of texts against a trace, so it
 * is never written into one and never logged. Effects: reads or makes the key file.
 */
import { randomBytes } from 'node:crypto'
import { TraceError } from '../base/errors.ts'
import { isPrivateFile, isThere, readIfThere, writeWhole } from '../base/files.ts'

const KEY_BYTES = 32
const LEAST_BYTES = 16

export type LoadedKey = Readonly<{
  secret: Uint8Array
  /** Where it is kept. */
  place: string
  /** Why ids of this run match those of no other; null if they do. */
  problem: string | null
}>

/**
 * Recording goes on without a key that can be read: with one that is forgotten at the end.
 *
 * @param text from the environment, which wins; any text of 16 bytes or more
 * @throws TraceError BAD_OPTION if the key is shorter
 */
export async function loadKey(path: string, text: string | undefined): Promise<LoadedKey> {
  if (text !== undefined && text !== '') {
    return { secret: longEnough('TRACE_KEY', text), place: 'TRACE_KEY', problem: null }
  }
  const kept = await readIfThere(path)
  if (kept !== null) {
    const secret = longEnough('--key-file', kept.trim())
    const isPrivate = await isPrivateFile(path)
    return {
      secret,
      place: path,
      problem: isPrivate ? null : `${path} can be read by others: chmod 600 it`,
    }
  }
  const made = randomBytes(KEY_BYTES).toString('hex')
  const secret = Buffer.from(made)
  try {
    if (!(await isThere(path))) {
      await writeWhole(path, `${made}\n`, 0o600)
      return { secret, place: path, problem: null }
    }
  } catch {
    // The same as one that is there and cannot be read, which must not be written over.
  }
  const problem = `${path} cannot be read or made: ids of this run match those of no other`
  return { secret, place: 'forgotten at the end', problem }
}

function longEnough(flag: string, text: string): Buffer {
  const key = Buffer.from(text)
  if (key.length >= LEAST_BYTES) return key
  throw new TraceError('BAD_OPTION', `${flag}: the key is shorter than ${LEAST_BYTES} bytes`)
}
