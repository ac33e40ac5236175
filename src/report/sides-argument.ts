/** 'a1 a2 vs b1 b2' → two sides. Pure. */
import { TraceError } from '../base/errors.ts'

/** Two paths need no `vs`. @throws TraceError BAD_OPTION */
export function splitSides(paths: readonly string[]): { a: string[]; b: string[] } {
  const at = paths.indexOf('vs')
  if (at < 0 && paths.length === 2) return { a: [paths[0]!], b: [paths[1]!] }
  const [a, b] = [paths.slice(0, Math.max(0, at)), paths.slice(at + 1)]
  if (at > 0 && b.length > 0 && !b.includes('vs')) return { a, b }
  throw new TraceError('BAD_OPTION', "compare wants runs of A, the word 'vs', and runs of B", {
    hint: 'For example: trace compare a1.sqlite a2.sqlite vs b1.sqlite b2.sqlite',
  })
}
