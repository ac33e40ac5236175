/** The hostile server of the simulation over real sockets, threads and parsers. */
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { handPlan, type HandRow } from '../support/hand-plan.ts'
import { ACTS, MISFORTUNES, type Misfortune } from '../support/hostile-wires.ts'
import { runReplay } from '../support/replay-run.ts'

/** Those that befall a connection before anything is written need a network that loses packets. */
const UNREAL = ['refused', 'never_connects', 'closed_before_sent', 'slow_connect']
const DEEDS = (Object.keys(ACTS) as Misfortune[]).filter((name) => !UNREAL.includes(name))
/** The simulation has time; a stall limit and a longest answer of a second have to fit. */
const HASTE = 50
const ROUNDS = 2
/** The limit of an answer tells which request this is. */
const FIRST_LIMIT = 100

test('what a server does to a replay is told as what it was', async () => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      const deed = deedFor(text)
      if (deed === null) return
      text = ''
      if (typeof deed === 'string') void act(socket, deed)
      else socket.end(deed.answer)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const rows = Array.from({ length: DEEDS.length * ROUNDS }, (_, index): HandRow => ({
    dueUs: index * 5_000,
    endpoint: 'completions',
    promptTokens: 16,
    outputTokens: FIRST_LIMIT + index,
  }))
  const { port } = server.address() as AddressInfo
  const run = await runReplay(handPlan(rows), {
    target: `http://127.0.0.1:${port}`,
    stallLimit: '500ms',
    timeout: '1s',
  })
  for (const socket of sockets) socket.destroy()
  server.close()
  const told = run.rows.toSorted((a, b) => a.seq - b.seq)
  const nameOf = (index: number) => DEEDS[index % DEEDS.length]!
  expect(told.map(({ outcome }, at) => `${nameOf(at)} ${outcome}`)).toEqual(
    rows.map((_, at) => `${nameOf(at)} ${MISFORTUNES[nameOf(at)]}`),
  )
  expect(told.filter((_, at) => nameOf(at) === 'dribble').map((row) => row.outputTokens)).toEqual(
    Array.from({ length: ROUNDS }, () => 4),
  )
  expect(run.fidelity).toMatchObject({ planned: rows.length, sent: rows.length, dropped: 0 })
  expect(run.exitCode).toBe(0)
})

/** null while the request is not whole yet. */
function deedFor(text: string): Misfortune | Readonly<{ answer: string }> | null {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return null
  const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
  if (text.length < end + 4 + length) return null
  if (/^x-trace-replay:/im.test(text)) {
    const limit = Number(/"max_tokens":(\d+)/.exec(text)?.[1])
    return DEEDS[(limit - FIRST_LIMIT) % DEEDS.length]!
  }
  // What a replay asks before it begins is answered by anybody sane.
  const body = text.startsWith('GET /v1/models')
    ? '{"data":[{"id":"m"}]}'
    : '{"choices":[{"text":"x","finish_reason":"stop"}]}'
  return { answer: `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}` }
}

async function act(socket: Socket, deed: Misfortune): Promise<void> {
  for (const { afterUs, bytes, end } of ACTS[deed]) {
    await new Promise((done) => setTimeout(done, afterUs / 1_000 / HASTE))
    if (socket.destroyed) return
    if (bytes !== undefined) socket.write(bytes)
    if (end === 'fin') socket.end()
    if (end === 'reset') socket.resetAndDestroy()
  }
}
