/** The process that runs one query, so that SQL without an end can be ended. Effects: reads the trace. */
import { TraceError } from '../base/errors.ts'
import { channelToParent, parentPid } from '../base/processes.ts'
import type { Guarded } from './guard-worker.ts'
import { openDatabase, type Cell } from './query.ts'
import { startThread } from '../base/threads.ts'
import type { QueryAnswer, QueryQuestion } from './query-process.ts'

/** Rows go over in runs of so many, fewer where they are large. */
const RUN_ROWS = 1_000
const RUN_BYTES = 4_000_000

const channel = channelToParent()
const say = (message: QueryAnswer) => channel.say(message)
const question = (await channel.next()) as QueryQuestion
try {
  if (question.kind === 'ask') await answer(question)
} catch (error) {
  if (!(error instanceof TraceError)) throw error
  const { code, message, hint } = error
  await say({ kind: 'fault', code, message, hint })
}

async function answer({ path, sql, memoryBytes }: QueryQuestion & { kind: 'ask' }): Promise<void> {
  const guarded: Guarded = { memoryBytes, parentPid: parentPid() }
  startThread(import.meta.url, './guard-worker', { workerData: guarded }).unref()
  const database = await openDatabase(path)
  const { columns, rows } = database.query(sql)
  await say({ kind: 'columns', columns })
  let run: Cell[][] = []
  let sizeBytes = 0
  for (const row of rows) {
    run.push(row)
    sizeBytes += sizeOf(row)
    if (run.length < RUN_ROWS && sizeBytes < RUN_BYTES) continue
    await channel.next()
    await say({ kind: 'rows', rows: run })
    run = []
    sizeBytes = 0
  }
  await channel.next()
  await say({ kind: 'end', rows: run })
}

function sizeOf(row: readonly Cell[]): number {
  return row.reduce<number>((sum, cell) => {
    const isLong = typeof cell === 'string' || cell instanceof Uint8Array
    return sum + (isLong ? cell.length : 8)
  }, 0)
}
