/** Why rows cannot be written, in words that a person can act on. Pure. */
import { TraceError } from '../base/errors.ts'

/** By how the error's code begins. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^(?:ENOSPC|EDQUOT|SQLITE_FULL)/, 'the disk is full'],
  [/^(?:EACCES|EPERM|SQLITE_PERM)/, 'no right to write there'],
  [/^SQLITE_READONLY_DBMOVED/, 'its file was taken away'],
  [/^(?:EROFS|SQLITE_READONLY)/, 'it can only be read'],
  [/^SQLITE_CANTOPEN/, 'no file can be made there; are the rights right?'],
  [/^(?:ENOTDIR|EEXIST)/, 'something else has its name'],
  [/^ENOENT/, 'it is not there'],
  [/^(?:SQLITE_BUSY|SQLITE_LOCKED)/, 'another process holds it locked'],
  [/^(?:SQLITE_CORRUPT|SQLITE_NOTADB)/, 'a file in it is damaged'],
  [/^(?:EIO|SQLITE_IOERR)/, 'the disk fails'],
  [/^(?:EMFILE|ENFILE)/, 'too many files are open'],
]

/** One short phrase; a code that nobody knows is named. */
export function diskReason(error: unknown): string {
  const cause = error instanceof TraceError ? (error.cause ?? error) : error
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined
  if (typeof code !== 'string') return 'the disk does not take them'
  const known = REASONS.find(([pattern]) => pattern.test(code))
  return known?.[1] ?? `the disk does not take them (${code})`
}
