/** Reads one Parquet file in a thread of its own, which can be ended. Effects: talks to its parent. */
import { parentPort, workerData } from '../base/threads.ts'
import { parquetColumns, readParquet } from './parquet-file.ts'
import type { ParquetAnswer, ParquetQuestion } from './parquet-thread.ts'
import { RowFault } from './row-fault.ts'

const { bytes, needed, wanted } = workerData as ParquetQuestion

const say = (answer: ParquetAnswer) => parentPort?.postMessage(answer)

try {
  say({ kind: 'columns', names: await parquetColumns(bytes) })
  if (needed.length > 0) {
    await readParquet(bytes, needed, wanted, (rows) => say({ kind: 'rows', rows }))
  }
  say({ kind: 'end' })
} catch (error) {
  // Whatever else the library throws is the file's fault too, and may quote it.
  const reason = error instanceof RowFault ? error.message : 'its data is damaged'
  say({ kind: 'fault', reason })
}
