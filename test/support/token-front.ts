/** A registry's front door that wants a bearer token, which its own token service gives for a login. */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const TOKEN = 'a-token-of-this-run'

export class TokenFront {
  /** Scopes that tokens were asked for. */
  readonly scopes: string[] = []
  readonly #upstream: string
  readonly #basic: string
  readonly #server = createServer((from, to) => this.#answer(from, to))

  /** @param upstream host and port of a registry that asks nobody */
  constructor(upstream: string, user: string, password: string) {
    this.#upstream = upstream
    this.#basic = `Basic ${btoa(`${user}:${password}`)}`
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #answer(from: IncomingMessage, to: ServerResponse): void {
    const host = from.headers.host ?? ''
    const url = new URL(from.url ?? '', `http://${host}`)
    const { authorization } = from.headers
    if (url.pathname === '/token') {
      this.scopes.push(url.searchParams.get('scope') ?? '')
      to.writeHead(authorization === this.#basic ? 200 : 401).end(JSON.stringify({ token: TOKEN }))
      return
    }
    if (authorization !== `Bearer ${TOKEN}`) {
      from.resume()
      const challenge = `Bearer realm="http://${host}/token",service="traces"`
      to.writeHead(401, { 'www-authenticate': challenge }).end()
      return
    }
    const [name, port] = this.#upstream.split(':')
    const { method, headers } = from
    const onward = request({ host: name, port, path: from.url, method, headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(to)
    })
    from.pipe(onward)
  }
}
