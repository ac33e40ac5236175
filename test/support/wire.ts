/** Raw TCP on both sides of a proxy, so that a test can compare bytes and ends, not messages. */
import { createHash } from 'node:crypto'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export type WireServer = { port: number; sockets: Set<Socket>; close: () => Promise<void> }

/** A server whose sockets stay half-open until the handler ends them. */
export async function wireServer(handler: (socket: Socket) => void, port = 0): Promise<WireServer> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    handler(socket)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** What one side of a connection saw. */
export type Seen = { bytes: Buffer; end: 'fin' | 'reset' | 'open' }

/** Collects a socket's bytes and its end. */
export function watch(socket: Socket): { seen: Seen; ended: Promise<Seen> } {
  const parts: Buffer[] = []
  const seen: Seen = { bytes: Buffer.alloc(0), end: 'open' }
  const { promise: ended, resolve } = Promise.withResolvers<Seen>()
  const finish = (end: Seen['end']) => {
    if (seen.end !== 'open') return
    seen.end = end
    seen.bytes = Buffer.concat(parts)
    resolve(seen)
  }
  socket.on('data', (bytes: Buffer) => void parts.push(bytes))
  socket.on('end', () => finish('fin'))
  socket.on('error', () => finish('reset'))
  socket.on('close', (hadError) => finish(hadError ? 'reset' : 'fin'))
  return { seen, ended }
}

export async function wireClient(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return socket
}

/** Sends `request` and collects everything until the server ends the connection. */
export async function ask(port: number, request: string | Buffer): Promise<Seen> {
  const socket = await wireClient(port)
  const { ended } = watch(socket)
  socket.write(request)
  const seen = await ended
  socket.destroy()
  return seen
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = await wireServer(() => undefined)
  await server.close()
  return server.port
}

/** A completion as a client writes it. */
export function completionRequest(body: object): string {
  const text = JSON.stringify(body)
  return (
    `POST /v1/completions HTTP/1.1\r\nHost: h\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
  )
}
