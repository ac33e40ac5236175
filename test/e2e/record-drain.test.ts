/** At the end nothing that cannot come to an answer keeps the recorder up: only streams do, within --drain. */
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { cleanUpsOfEachTest } from '../support/clean-ups.ts'
import { completionRequest } from '../support/completions.ts'
import { rowsOf, startRecorder, type Recorder } from '../support/recorder.ts'
import { freePort, watch, wireClient, wireServer } from '../support/wire.ts'

const tlsFile = (name: string) => new URL(`../../fixtures/tls/${name}`, import.meta.url).pathname

const cleanUps = cleanUpsOfEachTest()

/** No limit of the operator's would end the test's waits. */
const PATIENT = { drain: '10m', connectTimeout: '10m' }

async function recorderOn(
  upstreamPort: number,
  changes: Parameters<typeof startRecorder>[1],
): Promise<Recorder> {
  const recorder = await startRecorder(upstreamPort, { ...PATIENT, ...changes })
  cleanUps.push(recorder.remove)
  return recorder
}

test('a server that hangs in the TLS handshake does not keep a recorder that ends; its client gets 502', async () => {
  const server = await wireServer((socket) => void socket.resume())
  cleanUps.push(server.close)
  const recorder = await recorderOn(0, { upstream: `https://127.0.0.1:${server.port}` })
  const client = await wireClient(recorder.port)
  const { ended } = watch(client)
  client.end(completionRequest(7))
  // The recorder's own questions hang there, too.
  while (![...server.sockets].some(({ bytesRead }) => bytesRead > 0)) await tick()
  expect(await recorder.stop()).toBe(0)
  expect((await ended).bytes.toString()).toMatch(/^HTTP\/1\.1 502 /)
  expect(await rowsOf(recorder.directory)).toMatchObject([{ outcome: 'http_error', status: 502 }])
})

test('a client that hangs in the TLS handshake does not keep a recorder that ends', async () => {
  const recorder = await recorderOn(await freePort(), {
    tlsCert: tlsFile('server.pem'),
    tlsKey: tlsFile('server.key'),
  })
  const client = connect({ port: recorder.port, host: '127.0.0.1' })
  const { ended } = watch(client)
  await new Promise((resolve) => client.once('connect', resolve))
  // Half of a record's head.
  client.write(Buffer.from([0x16, 3, 1]))
  expect(await recorder.stop()).toBe(0)
  await ended
})

async function tick(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5))
}
