import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { Relay, type RelayOptions } from '../../src/record/relay.ts'

const HOST = '127.0.0.1'
const PORTS = [26_031, 26_032]

test('a relay that is asked to stop while it opens its listeners keeps none of them', async () => {
  const routes = PORTS.map((port) => ({ listen: { host: HOST, port }, socket: null }))
  const relay = new Relay({
    routes,
    clock: systemClock,
    isRecording: () => true,
  } as unknown as RelayOptions)
  const opened = relay.open()
  relay.stopAccepting()
  await opened
  await expect.poll(async () => Promise.all(PORTS.map(refuses))).toEqual(PORTS.map(() => true))
})

async function refuses(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, HOST, () => resolve(false))
  socket.on('error', () => resolve(true))
  const isRefused = await promise
  socket.destroy()
  return isRefused
}
