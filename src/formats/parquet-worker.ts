/** Reads one Parquet file in a thread of its own, which can be ended. Effects: talks to its parent. */
import { parentPort, workerData } from '../base/threads.ts'
import { openParquet, parquetRuns, type ParquetSource } from './parquet-file.ts'
import type { ParquetAnswer, ParquetQuestion } from './parquet-thread.ts'
import { RowFault } from './row-fault.ts'

const say = (answer: ParquetAnswer) => parentPort?.postMessage(answer)

const next = () =>
  new Promise<ParquetQuestion>((resolve) => {
    parentPort?.once('message', resolve)
  })

try {
  const table = await openParquet(workerData as ParquetSource)
  say({ kind: 'columns', names: table.names })
  const question = await next()
  const wanted = question === 'next' ? [] : question.wanted
  for await (const run of parquetRuns(table, wanted)) {
    say({ kind: 'run', run })
    await next()
  }
  say({ kind: 'end' })
} catch (error) {
  // Whatever else the library throws is the file's fault too, and may quote it.
  const reason = error instanceof RowFault ? error.message : 'its data is damaged'
  say({ kind: 'fault', reason })
}
