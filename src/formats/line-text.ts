/** Bytes → lines, in constant memory. Pure. */
import { TraceError } from '../base/errors.ts'

/** A longer line is an attack or another format. */
const MAX_LINE_CHARS = 64_000_000

/**
 * Lines without their ends, LF or CRLF, in runs as the chunks bring them; a byte-order mark is
 * dropped, a last line without an end counts.
 */
export async function* lineRuns(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<string[]> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LINE_CHARS) {
      throw new TraceError('TRACE_UNREADABLE', `${name} has a line of over ${MAX_LINE_CHARS} bytes`)
    }
    yield lines
  }
  rest += decoder.decode()
  if (rest !== '') yield [rest]
}
