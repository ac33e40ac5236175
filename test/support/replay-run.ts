/** Runs a replay as the command does, without a process, and reads its result back. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import {
  parseReplayOptions,
  REPLAY_FLAGS,
  type RawReplayOptions,
} from '../../src/replay/options.ts'
import { replay } from '../../src/replay/replay.ts'
import type { RunHooks } from '../../src/replay/run-hooks.ts'
import type { EventRow, RequestRow, SampleRow } from '../../src/trace/columns.ts'
import { REQUEST_COLUMNS, type RequestColumn } from '../../src/trace/columns.ts'
import { openTrace } from '../../src/trace/open.ts'
import type { TraceHeader } from '../../src/trace/header.ts'
import type { Plan } from '../../src/workload/plan.ts'
import { testWorld } from './test-world.ts'

/** What the command line gives where nothing is said. */
export const replayDefaults = Object.fromEntries(
  Object.entries(REPLAY_FLAGS).flatMap(([name, flag]) =>
    'default' in flag ? [[name, flag.default]] : [],
  ),
)

export type FinishedReplay = Readonly<{
  rows: RequestRow[]
  samples: SampleRow[]
  events: readonly EventRow[]
  header: TraceHeader
  fidelity: Awaited<ReturnType<typeof replay>>['fidelity']
  exitCode: number
  said: string
}>

type Wish = Partial<Omit<RawReplayOptions, 'target'>> &
  Readonly<{ target: string | readonly string[] }>

/** @param during called once the replay runs, e.g. to send it a signal */
export async function runReplay(
  plan: Plan,
  wish: Wish,
  during: (signal: ReturnType<typeof testWorld>['signal']) => unknown = () => undefined,
  hooks: RunHooks = {},
): Promise<FinishedReplay> {
  const folder = mkdtempSync(join(tmpdir(), 'trace-replay-'))
  try {
    const outPath = join(folder, 'run.sqlite')
    const options = parseReplayOptions({
      ...replayDefaults,
      out: outPath,
      ...wish,
      target: [wish.target].flat(),
    } as RawReplayOptions)
    const { world, said, signal } = testWorld({ clock: systemClock })
    const work = replay(plan, options, world, hooks)
    const side = Promise.resolve(during(signal))
    const end = await work
    await side
    const reader = await openTrace(end.outPath)
    const samples: SampleRow[] = []
    for await (const some of reader.samples()) samples.push(...some)
    const rows = await readRows(reader)
    const events = await reader.events()
    await reader.close()
    return { ...end, rows, samples, events, header: reader.header, said: said.err }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function readRows(reader: Awaited<ReturnType<typeof openTrace>>): Promise<RequestRow[]> {
  const names = Object.keys(REQUEST_COLUMNS) as RequestColumn[]
  const rows: RequestRow[] = []
  for await (const { rowCount, columns } of reader.requests(names)) {
    for (let at = 0; at < rowCount; at += 1) {
      const entries = names.map((name) => {
        const value = columns[name][at]
        const isNull = value === undefined || value === 0n || Number.isNaN(value)
        return [name, isNull ? null : value]
      })
      rows.push(Object.fromEntries(entries) as RequestRow)
    }
  }
  return rows
}

/** How much a counter grew from the first scrape to the last, over all its label sets. */
export function growth(
  samples: readonly SampleRow[],
  metric: string,
  isWanted: (labels: Record<string, string>) => boolean = () => true,
): number {
  const some = samples.filter(
    (row) => row.metric === metric && isWanted(JSON.parse(row.labels ?? '{}')),
  )
  const times = some.map(({ atUs }) => atUs)
  const at = (atUs: number) =>
    some.filter((row) => row.atUs === atUs).reduce((sum, { value }) => sum + value, 0)
  return at(Math.max(...times)) - at(Math.min(...times))
}
