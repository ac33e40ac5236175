/**
 * What a client in Node can do at best on this machine: the same requests from one bare loop over
 * plain sockets that parses and stores next to nothing. Whatever it is late or wrong by, nobody on
 * Node can avoid here.
 */
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { systemClock } from '../../src/base/clock.ts'
import type { HandRow } from '../support/hand-plan.ts'

export type FloorJob = Readonly<{ port: number; outPath: string; rows: readonly HandRow[] }>

/** What it saw: µs from `written`, `atUs` from the start of the run. */
export type FloorRow = Readonly<{
  seq: number
  atUs: number
  lagUs: number
  ttftUs: number
  chunkTimes: number[]
}>

const LEAD_US = 500_000
const START_US = 600_000
const POLLED_US = 2_000
const EVENT = Buffer.from('data: {"id"')

const parts: Buffer[] = []
for await (const part of process.stdin) parts.push(part as Buffer)
const { port, outPath, rows } = JSON.parse(Buffer.concat(parts).toString()) as FloorJob

const buffer = Buffer.alloc(65_536)
const requests = rows.map(({ promptTokens = 16, outputTokens = 8 }, seq) => {
  const prompt = Array.from({ length: promptTokens }, (_, at) => 1_000 + ((seq * 31 + at) % 9_000))
  const body = JSON.stringify({ model: 'truth', prompt, stream: true, max_tokens: outputTokens })
  return Buffer.from(
    `POST /v1/completions HTTP/1.1\r\nhost: truth\r\ncontent-type: application/json\r\n` +
      `x-request-id: floor-${seq}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
})
const sockets: Socket[] = []
const writtenAtUs = new Float64Array(rows.length)
const seenAtUs: number[][] = rows.map(() => [])
const state = { opened: 0, sent: 0, ended: 0 }

function open(seq: number): void {
  const seen = seenAtUs[seq]!
  const onread = {
    buffer,
    callback(sizeBytes: number, into: Uint8Array) {
      const nowUs = systemClock.nowUs()
      const bytes = into as Buffer
      for (let at = bytes.indexOf(EVENT); at >= 0 && at < sizeBytes;) {
        seen.push(nowUs)
        at = bytes.indexOf(EVENT, at + EVENT.length)
      }
      return true
    },
  }
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => (state.ended += 1))
  socket.resume()
  sockets.push(socket)
}

const cpu = process.cpuUsage()
const startUs = systemClock.nowUs() + START_US

function turn(): void {
  const sinceUs = systemClock.nowUs() - startUs
  if (state.opened < rows.length && rows[state.opened]!.dueUs - LEAD_US <= sinceUs) {
    open(state.opened++)
  }
  while (state.sent < state.opened && rows[state.sent]!.dueUs <= systemClock.nowUs() - startUs) {
    writtenAtUs[state.sent] = systemClock.nowUs()
    sockets[state.sent]!.write(requests[state.sent]!)
    state.sent += 1
  }
  if (state.ended === rows.length) return finish()
  const nextUs = Math.min(
    (rows[state.opened]?.dueUs ?? Infinity) - LEAD_US,
    rows[state.sent]?.dueUs ?? Infinity,
  )
  const coarseMs = Math.floor((nextUs - sinceUs - POLLED_US) / 1_000)
  if (coarseMs > 0) setTimeout(turn, Math.min(coarseMs, 20))
  else setImmediate(turn)
}

function finish(): void {
  const { user, system } = process.cpuUsage(cpu)
  const all = process.cpuUsage()
  const seen: FloorRow[] = rows.map(({ dueUs }, seq) => {
    const times = seenAtUs[seq]!.map((atUs) => atUs - writtenAtUs[seq]!)
    // The last event of an answer tells its usage and is no token.
    const chunkTimes = times.slice(0, -1)
    const lagUs = writtenAtUs[seq]! - startUs - dueUs
    return { seq, atUs: dueUs + startUs, lagUs, ttftUs: times[0]!, chunkTimes }
  })
  writeFileSync(outPath, JSON.stringify(seen))
  const maxRssKb = process.resourceUsage().maxRSS
  const cost = { cpuUs: user + system, allCpuUs: all.user + all.system, threadMs: [], maxRssKb }
  process.stdout.write(JSON.stringify(cost))
}

turn()
