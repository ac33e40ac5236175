/** Two processes that act as one: each sends its part of one plan, and the parts are joined. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { type Engine, startEngine } from '../../src/engine/engine.ts'
import { ENGINE_DEFAULTS, parseEngineOptions } from '../../src/engine/options.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { createTrace } from '../../src/trace/create.ts'
import { newHeader } from '../../src/trace/header.ts'
import { openTrace } from '../../src/trace/open.ts'

const program = new URL('../../bin/trace.js', import.meta.url).pathname
const ROWS = 60
/** Both processes have started, asked the target and compared clocks by then. */
const SECONDS_AHEAD = 15

let folder = ''
let engine: Engine | null = null
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trace-shards-'))
  const raw = { ...ENGINE_DEFAULTS, listen: '127.0.0.1:0', prefixCaching: true }
  engine = await startEngine(parseEngineOptions({ ...raw, profile: 'tiny-cpu' }), systemClock)
  const writer = await createTrace(join(folder, 'load.arrow'), newHeader('recorded'))
  const rows = Array.from({ length: ROWS }, (_, seq): Partial<RequestRow> => ({
    seq,
    atUs: seq * 20_000,
    endpoint: 'completions',
    session: `s${seq % 17}`,
    stream: true,
    promptTokens: 40 + seq,
    outputTokens: 3,
    maxTokens: 3,
    tokenSource: 'server',
    outcome: 'ok',
    status: 200,
  }))
  await writer.addRequests(rows)
  await writer.finish()
})
afterAll(async () => {
  await engine?.close()
  rmSync(folder, { recursive: true })
})

async function trace(...words: string[]): Promise<string> {
  const child = spawn(process.execPath, [program, ...words], { cwd: folder })
  const said: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => void said.push(part))
  }
  const code = await new Promise<number | null>((done) => child.on('close', done))
  const text = Buffer.concat(said).toString()
  // 97 to 99 are verdicts on a run that did happen.
  return code === 0 || (code ?? 1) >= 97 ? text : Promise.reject(new Error(text))
}

async function read(name: string) {
  const reader = await openTrace(join(folder, name))
  const names = ['seq', 'sourceSeq', 'session', 'outcome', 'atUs'] as const
  const rows: Record<(typeof names)[number], unknown>[] = []
  for await (const { rowCount, columns } of reader.requests(names)) {
    for (let at = 0; at < rowCount; at += 1) {
      rows.push({
        seq: columns.seq[at],
        sourceSeq: columns.sourceSeq[at],
        session: columns.session[at],
        outcome: columns.outcome[at],
        atUs: columns.atUs[at],
      })
    }
  }
  const events = await reader.events()
  await reader.close()
  return { rows, events, header: reader.header }
}

test('two processes send the halves of one plan from one instant on, and merge makes them one run', async () => {
  const startAt = new Date(systemClock.wallUs() / 1_000 + SECONDS_AHEAD * 1_000).toISOString()
  const target = ['--target', engine?.url ?? '', '--seed', '7', '--start-at', startAt]
  const part = async (number: number) =>
    trace('replay', 'load.arrow', ...target, '--shard', `${number}/2`, '--out', `${number}.sqlite`)
  const said = await Promise.all([part(1), part(2)])
  for (const text of said) expect(text).toMatch(/clock .* (?:behind|ahead of) the target's/)
  const merged = await trace('merge', '1.sqlite', '2.sqlite', '--out', 'run.sqlite')
  expect(merged).toContain('2 of 2 shards of one replay')
  const [first, second, whole] = await Promise.all(['1.sqlite', '2.sqlite', 'run.sqlite'].map(read))

  expect(first?.header.planSha256).toBe(second?.header.planSha256)
  expect(whole?.header.planSha256).toBe(first?.header.planSha256)
  const sources = whole?.rows.map(({ sourceSeq }) => sourceSeq as number) ?? []
  expect(sources.toSorted((a, b) => a - b)).toEqual(Array.from({ length: ROWS }, (_, at) => at))
  expect(new Set(whole?.rows.map(({ seq }) => seq)).size).toBe(ROWS)
  expect(whole?.rows.every(({ outcome }) => outcome === 'ok')).toBe(true)
  for (const { atUs, sourceSeq } of whole?.rows ?? []) expect(atUs).toBe(Number(sourceSeq) * 20_000)
  // Sessions are whole: no user is in both parts.
  const users = [first, second].map((half) => new Set(half?.rows.map(({ session }) => session)))
  expect([...(users[0] ?? [])].filter((user) => users[1]?.has(user))).toEqual([])
  // Both began at the agreed instant, and each says how far its clock is from the target's.
  for (const half of [first, second]) {
    expect(Math.abs((half?.header.originWallUs ?? 0) / 1_000 - Date.parse(startAt))).toBeLessThan(
      50,
    )
    const detail = half?.events.find(({ kind }) => kind === 'clock')?.detail ?? '{}'
    const clock = JSON.parse(detail) as { offsetUs: number; errorUs: number }
    expect(clock.errorUs).toBeGreaterThan(0)
    // The same machine: what differs is within what was said, and a second of Date's own.
    expect(Math.abs(clock.offsetUs)).toBeLessThanOrEqual(clock.errorUs + 1_000_000)
  }
  expect(await trace('report', 'run.sqlite')).toContain('sent by 2 machines, whose clocks lie')
})

test('a start that has passed is refused before anything is sent', async () => {
  const startAt = new Date(systemClock.wallUs() / 1_000 - 60_000).toISOString()
  const target = ['--target', engine?.url ?? '', '--start-at', startAt, '--out', 'late.sqlite']
  await expect(trace('replay', 'load.arrow', ...target)).rejects.toThrow('--start-at has passed')
})
