/** A web server that holds files in memory, and can be told to behave as badly as real ones do. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export class ShelfServer {
  readonly files = new Map<string, Buffer>()
  /** Range headers of the GETs so far; null for none. */
  readonly ranges: (string | null)[] = []
  /** The next GET is cut after so many bytes of its body. */
  cutAfterBytes: number | null = null
  /** The next PUT is broken off after so many bytes of its body, which stay as they are if `keepsParts`. */
  dieAfterBytes: number | null = null
  keepsParts = false
  knowsRanges = true
  etag = '"1"'
  /** `name:password` that every request has to bring; null asks nobody. */
  login: string | null = null
  /** Where addresses below /elsewhere/ are sent on to. */
  elsewhere = ''
  /** What requests brought for a login. */
  readonly authorizations: (string | null)[] = []
  readonly #server = createServer((request, response) => this.#answer(request, response))

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? ''
    const authorization = request.headers.authorization ?? null
    this.authorizations.push(authorization)
    if (this.login !== null && authorization !== `Basic ${btoa(this.login)}`) {
      request.resume()
      response.writeHead(401, { 'www-authenticate': 'Basic realm="shelf"' }).end()
      return
    }
    if (path.startsWith('/elsewhere/')) {
      response.writeHead(302, { location: path.replace('/elsewhere', this.elsewhere) }).end()
      return
    }
    if (request.method === 'PUT') {
      const parts: Buffer[] = []
      const lastByte = this.dieAfterBytes ?? Number.POSITIVE_INFINITY
      this.dieAfterBytes = null
      let isBroken = false
      request.on('data', (part: Buffer) => {
        parts.push(part)
        const got = Buffer.concat(parts)
        if (isBroken || got.length < lastByte) return
        isBroken = true
        if (this.keepsParts) this.files.set(path, got.subarray(0, lastByte))
        request.socket.destroy()
      })
      request.on('end', () => {
        if (isBroken) return
        this.files.set(path, Buffer.concat(parts))
        response.writeHead(201).end()
      })
      return
    }
    if (path.startsWith('/moved/')) {
      response.writeHead(302, { location: path.replace('/moved/', '/') }).end()
      return
    }
    const file = this.files.get(path)
    if (file === undefined) {
      response.writeHead(404).end()
      return
    }
    const range = request.headers.range ?? null
    if (request.method === 'GET') this.ranges.push(range)
    const from = range !== null && this.knowsRanges ? Number(/\d+/.exec(range)?.[0]) : 0
    const body = file.subarray(from)
    const status = from > 0 ? 206 : 200
    response.writeHead(status, { 'content-length': body.length, etag: this.etag })
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    const cut = this.cutAfterBytes
    this.cutAfterBytes = null
    if (cut === null) response.end(body)
    else response.write(body.subarray(0, cut), () => void response.socket?.end())
  }
}
