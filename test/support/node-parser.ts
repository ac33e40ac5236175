/** Node's own HTTP parser as a second opinion: messages out of a text, without a socket. */

type NodeParser = {
  initialize(kind: number, resource: object): void
  execute(bytes: Buffer): number | Error
  [callback: number]: (...values: never[]) => unknown
}
type Common = {
  methods: string[]
  HTTPParser: (new () => NodeParser) &
    Record<'REQUEST' | 'RESPONSE' | 'kOnHeadersComplete' | 'kOnBody' | 'kOnMessageComplete', number>
}

/** Node keeps the parser that its server uses in a module without a public name. */
const { HTTPParser, methods } = process.getBuiltinModule('_http_common') as Common

export function parseWithNode(
  kind: 'request' | 'answer',
  text: string,
): { start: string; body: string }[] {
  const found: { start: string; body: string }[] = []
  const parser = new HTTPParser()
  parser.initialize(kind === 'request' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {})
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    _headers: unknown,
    method: number,
    url: string,
    status: number,
  ) => {
    found.push({ start: kind === 'request' ? `${methods[method]} ${url}` : `${status}`, body: '' })
    return 0
  }
  parser[HTTPParser.kOnBody] = (bytes: Buffer) => {
    const last = found.at(-1)
    if (last !== undefined) last.body += bytes.toString('latin1')
  }
  parser[HTTPParser.kOnMessageComplete] = () => undefined
  const result = parser.execute(Buffer.from(text, 'latin1'))
  if (result instanceof Error) throw result
  return found
}
