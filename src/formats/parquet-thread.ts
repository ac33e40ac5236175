/**
 * Rows of a Parquet file, read where a damaged file can do no harm: the library may loop for ever over
 * one. Effects: starts a thread.
 */
import { pause } from '../base/clock.ts'
import { startThread } from '../base/threads.ts'
import type { JsonRecord } from './fields.ts'
import { RowFault } from './row-fault.ts'

export type ParquetQuestion = Readonly<{
  bytes: Uint8Array
  /** Columns that have to be there; none asks for the names alone. */
  needed: readonly string[]
  wanted: readonly string[]
}>

export type ParquetAnswer =
  | Readonly<{ kind: 'columns'; names: readonly string[] }>
  | Readonly<{ kind: 'rows'; rows: readonly JsonRecord[] }>
  | Readonly<{ kind: 'fault'; reason: string }>
  | Readonly<{ kind: 'end' }>

/** A thread that says nothing for so long, and for so much longer a byte, is ended. */
const SILENCE_US = 3_000_000
const SILENCE_US_PER_BYTE = 0.5
/** Silence is counted in turns of this loop, which does not hear while it is busy itself. */
const TICK_US = 250_000
const HEAP_MB = 384

/** @throws RowFault for a file that is damaged, lacks a column or takes too long */
export async function parquetRows(
  question: ParquetQuestion,
  addRow: (row: JsonRecord) => void,
): Promise<readonly string[]> {
  const thread = startThread(import.meta.url, './parquet-worker', {
    workerData: question,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  })
  let names: readonly string[] = []
  let heardCount = 0
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  thread.on('message', (answer: ParquetAnswer) => {
    heardCount += 1
    try {
      if (answer.kind === 'columns') names = answer.names
      else if (answer.kind === 'rows') answer.rows.forEach(addRow)
      else if (answer.kind === 'end') resolve()
      else reject(new RowFault(answer.reason))
    } catch (error) {
      reject(error)
    }
  })
  thread.on('error', () => reject(new RowFault('its data is damaged')))
  const stop = new AbortController()
  const limitUs = SILENCE_US + question.bytes.byteLength * SILENCE_US_PER_BYTE
  const silence = async () => {
    for (let silentUs = 0, known = 0; silentUs < limitUs; silentUs += TICK_US) {
      if (heardCount > known) silentUs = 0
      known = heardCount
      await pause(TICK_US, stop.signal)
    }
    reject(new RowFault('reading it takes too long: is it damaged?'))
  }
  silence().catch(() => null)
  try {
    await promise
    return names
  } finally {
    stop.abort()
    await thread.terminate()
  }
}
