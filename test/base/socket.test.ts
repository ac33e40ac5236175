import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { expect, test } from 'vitest'
import { dial, tlsContext } from '../../src/base/socket.ts'

const fixture = (name: string) =>
  readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8')

test.for([
  ['[::1]', false],
  ['::1', false],
  ['model.internal', 'model.internal'],
] as const)('the server of a URL with host %s is asked for %s by TLS', async ([host, asked]) => {
  const { promise, resolve } = Promise.withResolvers<string | false>()
  const server = createServer(
    { key: fixture('server.key'), cert: fixture('server.pem') },
    (socket) => {
      resolve((socket as unknown as { servername: string | false }).servername)
      socket.on('error', () => undefined)
    },
  )
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const socket = dial(
    { host: '127.0.0.1', port },
    {
      tls: { context: tlsContext('', {}), serverName: host, isInsecure: true },
      buffer: Buffer.alloc(1),
      onBytes: () => true,
    },
  )
  socket.on('error', () => undefined)
  expect(await promise).toBe(asked)
  socket.destroy()
  server.close()
})
