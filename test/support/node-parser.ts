/** Node's own HTTP parser as a second opinion: messages out of a text, without a socket. */

type NodeParser = {
  initialize(kind: number, resource: object): void
  execute(bytes: Buffer): number | Error
  [callback: number]: (...values: never[]) => unknown
}
type Binding = {
  HTTPParser: (new () => NodeParser) &
    Record<'REQUEST' | 'RESPONSE' | 'kOnHeadersComplete' | 'kOnBody' | 'kOnMessageComplete', number>
}

/** `process.binding` is old, but the only way to the parser that node's server uses. */
const { HTTPParser } = (process as unknown as { binding(name: string): Binding }).binding(
  'http_parser',
)

const METHODS = (process as unknown as { binding(name: string): { methods: string[] } }).binding(
  'http_parser',
).methods

export function parseWithNode(
  kind: 'request' | 'answer',
  text: string,
): { start: string; body: string }[] {
  const found: { start: string; body: string }[] = []
  const parser = new HTTPParser()
  parser.initialize(kind === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {})
  parser[HTTPParser.kOnHeadersComplete] = ((
    _major: number,
    _minor: number,
    _headers: unknown,
    method: number,
    url: string,
    status: number,
  ) => {
    found.push({ start: kind === 'request' ? `${METHODS[method]} ${url}` : `${status}`, body: '' })
    return 0
  }) as never
  parser[HTTPParser.kOnBody] = ((bytes: Buffer) => {
    const last = found.at(-1)
    if (last !== undefined) last.body += bytes.toString('latin1')
  }) as never
  parser[HTTPParser.kOnMessageComplete] = () => undefined
  const result = parser.execute(Buffer.from(text, 'latin1'))
  if (result instanceof Error) throw result
  return found
}
