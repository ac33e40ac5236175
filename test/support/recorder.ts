/** Runs `trace record` inside the test's process, on the real clock, in a folder of its own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause, systemClock } from '../../src/base/clock.ts'
import { parseRecordOptions } from '../../src/record/options.ts'
import { type RawRecordOptions, RECORD_DEFAULTS } from '../../src/record/record-flags.ts'
import { record } from '../../src/record/record.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { REQUEST_COLUMNS } from '../../src/trace/columns.ts'
import { openTrace } from '../../src/trace/open.ts'
import { batchToRows } from '../../src/trace/table.ts'
import { testWorld } from './test-world.ts'
import { freePort, wireClient } from './wire.ts'

export type Recorder = Awaited<ReturnType<typeof startRecorder>>

export async function startRecorder(
  upstreamPort: number,
  changes: Partial<RawRecordOptions> = {},
  directory = mkdtempSync(join(tmpdir(), 'trace-record-')),
) {
  const port =
    changes.listen === undefined ? await freePort() : Number(changes.listen.split(':').at(-1))
  const { world, said, signal } = testWorld({ clock: systemClock })
  const raw = rawOptions(upstreamPort, port, directory, changes)
  const running = record(parseRecordOptions(raw), world)
  // Once it has said its banner it asks the server nothing more of its own.
  await Promise.race([running, untilSaid(said, 'keeps sizes')])
  await Promise.race([running, untilListening(port)])
  return {
    port,
    directory,
    said,
    signal,
    running,
    /** Ends it as an operator would, and returns its exit code. */
    stop: async () => {
      signal('SIGTERM')
      return running
    },
    remove: () => {
      rmSync(directory, { recursive: true, force: true })
      rmSync(`${directory}.key`, { force: true })
    },
  }
}

export function rawOptions(
  upstreamPort: number,
  port: number,
  directory: string,
  changes: Partial<RawRecordOptions> = {},
): RawRecordOptions {
  return {
    ...RECORD_DEFAULTS,
    upstream: `http://127.0.0.1:${upstreamPort}`,
    listen: `127.0.0.1:${port}`,
    out: directory,
    // Nothing asked of the server but what clients ask.
    metricsUrl: 'off',
    tokenizeRate: '0',
    ...changes,
  }
}

async function untilSaid(said: { err: string }, words: string): Promise<void> {
  while (!said.err.includes(words)) await pause(5_000)
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    try {
      const socket = await wireClient(port)
      socket.destroy()
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

/** Every request row of a recording, in order. */
export async function rowsOf(path: string): Promise<RequestRow[]> {
  const reader = await openTrace(path)
  const rows: RequestRow[] = []
  const keys = Object.keys(REQUEST_COLUMNS) as (keyof typeof REQUEST_COLUMNS)[]
  for await (const batch of reader.requests(keys)) {
    rows.push(...batchToRows('request', batch as never))
  }
  await reader.close()
  return rows
}

export async function gapsOf(path: string) {
  const reader = await openTrace(path)
  const gaps = await reader.gaps()
  await reader.close()
  return gaps
}

export async function rowCountOf(path: string): Promise<number> {
  const reader = await openTrace(path)
  let count = 0
  for await (const batch of reader.requests(['seq'])) count += batch.rowCount
  await reader.close()
  return count
}
