/** One request as bytes, one answer as bytes. Effects: a socket. */
import { connect } from 'node:net'

/** Sends the bytes and reads until the server closes; for requests that say `Connection: close`. */
export async function exchangeBytes(port: number, request: Uint8Array | string): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const parts: Buffer[] = []
  const socket = connect(port, '127.0.0.1', () => socket.write(request))
  socket.on('data', (part) => parts.push(part))
  socket.on('end', () => resolve(Buffer.concat(parts)))
  socket.on('error', reject)
  return promise
}
