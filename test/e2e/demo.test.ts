/** The tour that a newcomer takes first, from the command line, with processes and sockets. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'

const PROGRAM = resolve('bin/trace.js')

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trace-demo-test-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

type Run = { child: ChildProcess; ended: Promise<{ code: number | null; text: string }> }

/** In a process group of its own, so that what it leaves behind can be counted. */
function startDemo(...flags: string[]): Run {
  const child = spawn(process.execPath, [PROGRAM, 'demo', ...flags], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const keep = (more: Buffer) => void (text += more.toString('utf8'))
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const { promise, resolve: done } = Promise.withResolvers<{ code: number | null; text: string }>()
  child.on('close', (code) => done({ code, text }))
  return { child, ended: promise }
}

function isGroupAlive(pid: number): boolean {
  try {
    process.kill(-pid, 0)
    return true
  } catch {
    return false
  }
}

test('it runs each verb, leaves its files and no process, and overwrites nothing', async () => {
  const first = startDemo('--duration', '3s')
  const { code, text } = await first.ended
  expect(text).toContain('left behind')
  expect(code).toBe(0)
  const verbs = [...text.matchAll(/^\$ trace (\w+)/gm)].map(([, verb]) => verb)
  expect(verbs).toEqual(['engine', 'record', 'inspect', 'engine', 'replay', 'report'])
  expect(text.match(/^(?:\$ | {4}\S|live |left ).{77,}$/gm)).toBeNull()
  expect(existsSync(join(folder, 'trace-demo/twice.sqlite'))).toBe(true)
  const report: unknown = JSON.parse(readFileSync(join(folder, 'trace-demo/report.json'), 'utf8'))
  expect(report).toHaveProperty('verdict')
  expect(isGroupAlive(first.child.pid ?? 0)).toBe(false)

  const again = await startDemo('--duration', '3s', '--out', 'trace-demo').ended
  expect(again.code).toBe(2)
  expect(again.text).toContain('trace-demo exists already')
}, 60_000)

test('Ctrl-C in the middle ends it with 130, keeps the recording and leaves no process', async () => {
  const { child, ended } = startDemo()
  const pid = child.pid ?? 0
  for (let waited = 0; waited < 200; waited += 1) {
    if (existsSync(join(folder, 'trace-demo/prod'))) break
    await sleep(100)
  }
  await sleep(2_500)
  // A terminal sends it to the whole group.
  process.kill(-pid, 'SIGINT')
  const { code, text } = await ended
  expect(text).toMatch(/\ninterrupted; what there is so far lies in trace-demo\n$/)
  expect(code).toBe(130)
  expect(
    readdirSync(join(folder, 'trace-demo/prod')).some((name) => name.endsWith('.sqlite')),
  ).toBe(true)
  expect(isGroupAlive(pid)).toBe(false)
}, 60_000)
