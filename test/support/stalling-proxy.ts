/** A relay that stops passing bytes upstream in the middle of a large body, and keeps everything open. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export class StallingProxy {
  readonly host: string
  /** Resolves once a connection has sent its share. */
  readonly stalled: Promise<void>
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, host: string, stalled: Promise<void>, sockets: Set<Socket>) {
    this.#server = server
    this.host = host
    this.stalled = stalled
    this.#sockets = sockets
  }

  /** @param passedBytes that one connection may send; small requests come through */
  static async start(upstream: string, passedBytes: number): Promise<StallingProxy> {
    const [host = '', port = ''] = upstream.split(':')
    const sockets = new Set<Socket>()
    const { promise, resolve } = Promise.withResolvers<void>()
    const server = createServer((client) => {
      const onward = connect(Number(port), host)
      for (const socket of [client, onward]) {
        sockets.add(socket)
        socket.on('error', () => socket.destroy())
      }
      let sentBytes = 0
      onward.pipe(client)
      client.on('data', (bytes) => {
        sentBytes += bytes.length
        if (sentBytes <= passedBytes) onward.write(bytes)
        else {
          client.pause()
          resolve()
        }
      })
      client.on('close', () => onward.destroy())
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const own = `127.0.0.1:${(server.address() as AddressInfo).port}`
    return new StallingProxy(server, own, promise, sockets)
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}
