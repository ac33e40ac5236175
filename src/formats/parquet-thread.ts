/**
 * A Parquet file, read where a damaged one can do no harm: the library may loop for ever over one.
 * Effects: starts a thread, which reads the file.
 */
import { pause } from '../base/clock.ts'
import { fileSize } from '../base/files.ts'
import { startThread } from '../base/threads.ts'
import type { JsonRecord } from './fields.ts'
import type { ParquetRun, ParquetSource } from './parquet-file.ts'
import { RowFault } from './row-fault.ts'

/** Each is answered once: first the columns that are wanted, then whether to go on. */
export type ParquetQuestion = Readonly<{ wanted: readonly string[] }> | 'next'

export type ParquetAnswer =
  | Readonly<{ kind: 'columns'; names: readonly string[] }>
  | Readonly<{ kind: 'run'; run: ParquetRun }>
  | Readonly<{ kind: 'fault'; reason: string }>
  | Readonly<{ kind: 'end' }>

/** A thread that says nothing for so long, and for so much longer a byte, is ended. */
const SILENCE_US = 3_000_000
const SILENCE_US_PER_BYTE = 0.5
/** Silence is counted in turns of this loop, which does not hear while it is busy itself. */
const TICK_US = 250_000
const HEAP_MB = 384

export type ParquetTable = Readonly<{
  names: readonly string[]
  /** Once. @throws RowFault for a file that is damaged or takes too long */
  runs(wanted: readonly string[]): AsyncGenerator<ParquetRun>
  close(): Promise<void>
}>

/** @throws RowFault for a file without a sound footer */
export async function readTable(source: ParquetSource): Promise<ParquetTable> {
  const sizeBytes = typeof source === 'string' ? ((await fileSize(source)) ?? 0) : source.byteLength
  const limitUs = SILENCE_US + sizeBytes * SILENCE_US_PER_BYTE
  const thread = startThread(import.meta.url, './parquet-worker', {
    workerData: source,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  })
  let waiting = Promise.withResolvers<ParquetAnswer>()
  thread.on('message', (answer: ParquetAnswer) => waiting.resolve(answer))
  thread.on('error', () => waiting.resolve({ kind: 'fault', reason: 'its data is damaged' }))
  const answered = async () => {
    const stop = new AbortController()
    const answer = await Promise.race([waiting.promise, silence(limitUs, stop.signal)])
    stop.abort()
    if (answer.kind === 'fault') throw new RowFault(answer.reason)
    return answer
  }
  const ask = async (question: ParquetQuestion) => {
    waiting = Promise.withResolvers<ParquetAnswer>()
    thread.postMessage(question)
    return answered()
  }
  const close = async () => void (await thread.terminate())
  async function* runs(wanted: readonly string[]) {
    let answer = await ask({ wanted })
    for (; answer.kind === 'run'; answer = await ask('next')) yield answer.run
  }
  try {
    const first = await answered()
    return { names: first.kind === 'columns' ? first.names : [], runs, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function silence(limitUs: number, signal: AbortSignal): Promise<ParquetAnswer> {
  try {
    for (let silentUs = 0; silentUs < limitUs; silentUs += TICK_US) await pause(TICK_US, signal)
  } catch {
    // It has answered; nobody waits for this any more.
  }
  return { kind: 'fault', reason: 'reading it takes too long: is it damaged?' }
}

/** The rows of a run as objects, one after the other. */
export function* recordsOf({ rowCount, columns }: ParquetRun): Generator<JsonRecord> {
  const entries = Object.entries(columns)
  for (let row = 0; row < rowCount; row += 1) {
    yield Object.fromEntries(entries.map(([name, values]) => [name, values[row]]))
  }
}
