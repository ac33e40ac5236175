/** Copies a few bytes. Pure. */

/** Below this a loop is quicker than a native copy. */
const SHORT_BYTES = 32

export function copyBytes(
  source: Buffer,
  from: number,
  to: number,
  into: Buffer,
  at: number,
): void {
  if (to - from > SHORT_BYTES) source.copy(into, at, from, to)
  else for (let k = 0; k < to - from; k += 1) into[at + k] = source[from + k] ?? 0
}
