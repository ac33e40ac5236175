/** `trace record` as a process of its own, for what can only be seen from outside: kills and memory. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { wireClient } from './wire.ts'

export type RecorderProcess = Readonly<{
  child: ChildProcess
  port: number
  exited: Promise<number | null>
  memoryBytes: () => number
  /** Its standard error so far. */
  said: () => string
}>

export async function spawnRecorder(
  upstreamPort: number,
  port: number,
  directory: string,
  flags: readonly string[] = [],
): Promise<RecorderProcess> {
  const words = [
    'bin/trace.js',
    'record',
    `--upstream=http://127.0.0.1:${upstreamPort}`,
    `--listen=127.0.0.1:${port}`,
    `--out=${directory}`,
    '--admin-listen=off',
    '--metrics-url=off',
    '--tokenize-rate=0',
    ...flags,
  ]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (bytes: Buffer) => void (said += bytes.toString()))
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the recorder ended: ${said}`)
    try {
      const socket = await wireClient(port)
      socket.on('error', () => undefined).resume()
      // A recorder that starts looks first whether the port is free: that listener drops its callers.
      await new Promise((resolve) => setTimeout(resolve, 20))
      const isHeld = !socket.readableEnded && !socket.destroyed
      socket.destroy()
      if (isHeld) break
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const memoryBytes = (): number => {
    const text = readFileSync(`/proc/${child.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) * 1_024
  }
  return { child, port, exited, memoryBytes, said: () => said }
}
