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
  // Joined once the line ends: a line of many chunks is looked through once.
  let open: string[] = []
  let openChars = 0
  for await (const chunk of chunks) {
    const lines = decoder.decode(chunk, { stream: true }).split('\n')
    if (lines.length > 1) {
      lines[0] = `${open.join('')}${lines[0]}`
      open = []
      openChars = 0
    }
    const rest = lines.pop() ?? ''
    open.push(rest)
    openChars += rest.length
    if (openChars > MAX_LINE_CHARS) {
      throw new TraceError('TRACE_UNREADABLE', `${name} has a line of over ${MAX_LINE_CHARS} bytes`)
    }
    yield lines
  }
  const last = open.join('') + decoder.decode()
  if (last !== '') yield [last]
}
