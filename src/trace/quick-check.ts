/** One SQLite file read from its first page to its last. Effects: reads the file. */
import { openForReading, sqliteProblem } from './sqlite.ts'

/**
 * quick_check finds lost pages, rows out of order, values of a wrong type.
 *
 * @returns what is wrong, in words without anything from the file, or null
 */
export function quickCheck(path: string): string | null {
  try {
    const connection = openForReading(path)
    try {
      const first = connection.pragma('quick_check(1)', { simple: true })
      return first === 'ok' ? null : `${path}: damaged (quick_check)`
    } finally {
      connection.close()
    }
  } catch (error) {
    return sqliteProblem(error, path).message
  }
}
