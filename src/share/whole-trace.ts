/** Whether a trace is what its writer finished: every row read, and held against the digest. Effects: reads the file. */
import { TraceError } from '../base/errors.ts'
import { rowDigest } from '../trace/digest.ts'
import { openTrace } from '../trace/open.ts'

export type Digests = Readonly<{ digest: string; told: string | null; isComplete: boolean }>

export async function digestsOf(path: string): Promise<Digests> {
  const reader = await openTrace(path)
  try {
    const digest = await rowDigest(reader)
    return { digest, told: reader.header.rowDigest, isComplete: reader.isComplete }
  } finally {
    await reader.close()
  }
}

/**
 * What is signed and what leaves is whole: one bit that flipped on a disk changes a number, which no
 * container notices by itself.
 *
 * @throws TraceError TRACE_UNREADABLE
 */
export async function checkedDigest(path: string): Promise<string> {
  const { digest, told, isComplete } = await digestsOf(path)
  if (!isComplete) {
    throw new TraceError('TRACE_UNREADABLE', `${path} has no end mark: it is not whole`)
  }
  if (told !== null && told !== digest) {
    throw new TraceError('TRACE_UNREADABLE', `${path}: its rows are not those of its digest`, {
      hint: 'It was changed or damaged after it was written.',
    })
  }
  return digest
}
