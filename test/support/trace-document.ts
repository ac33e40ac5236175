/** docs/trace-format.md as it should be now. */
import { rowDigest } from '../../src/trace/digest.ts'
import { formatDocument } from '../../src/trace/format-document.ts'
import { HASH_SCHEME_TEXT } from '../../src/stream/hash-scheme-text.ts'
import { VECTOR_TRACES, vectorJson } from './digest-vectors.ts'
import { rowsTrace } from './rows-trace.ts'

export async function traceDocument(): Promise<string> {
  const vectors = []
  for (const trace of VECTOR_TRACES) {
    const digest = await rowDigest(rowsTrace(trace))
    vectors.push({ name: trace.name, rows: vectorJson(trace), digest })
  }
  return formatDocument(HASH_SCHEME_TEXT, vectors)
}
