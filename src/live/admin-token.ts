/** The token that changing a recorder needs. Effects: makes the file. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readIfThere, writeWhole } from '../base/files.ts'

const OWNER_ONLY = 0o600

/** Beside the recording, as its key is: neither goes along when the folder is shared. */
export function tokenPath(directory: string): string {
  return `${directory.replace(/\/+$/, '')}.admin-token`
}

/** @returns the token of the file, which is made if it is missing; null where it cannot be */
export async function tokenFrom(path: string): Promise<string | null> {
  const found = (await readIfThere(path))?.trim()
  if (found !== undefined && found !== '') return found
  const token = randomBytes(24).toString('base64url')
  try {
    await writeWhole(path, `${token}\n`, OWNER_ONLY)
    return token
  } catch {
    return null
  }
}

/** Takes the same time for any guess. */
export function isToken(given: string | undefined, token: string): boolean {
  return timingSafeEqual(digest(given ?? ''), digest(`Bearer ${token}`))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
