/**
 * The secret behind every keyed id. Whoever has it can test guesses of texts against a trace, so it
 * is never written into one and never logged. Effects: reads or makes the key file.
 */
import { randomBytes } from 'node:crypto'
import { TraceError } from '../base/errors.ts'
import { readPrivate, writeWhole } from '../base/files.ts'

const KEY_BYTES = 32
const LEAST_BYTES = 16

/**
 * @param text from the environment, which wins; any text of 16 bytes or more
 * @throws TraceError BAD_OPTION if the key is too short, or its file can be read by others
 */
export async function loadKey(path: string, text: string | undefined): Promise<Buffer> {
  if (text !== undefined && text !== '') return longEnough('TRACE_KEY', Buffer.from(text))
  const kept = await readPrivate('--key-file', path)
  if (kept !== null) return longEnough('--key-file', Buffer.from(kept.trim()))
  const made = randomBytes(KEY_BYTES).toString('hex')
  await writeWhole(path, `${made}\n`, 0o600)
  return Buffer.from(made)
}

function longEnough(flag: string, key: Buffer): Buffer {
  if (key.length >= LEAST_BYTES) return key
  throw new TraceError('BAD_OPTION', `${flag}: the key is shorter than ${LEAST_BYTES} bytes`)
}
