/**
 * Thread that reads what the answers mean and writes the result, far from the sending threads.
 * Effects: writes the trace file.
 */
import { giveWay, parentPort, workerData, type MessagePort } from '../base/threads.ts'
import { createTrace } from '../trace/create.ts'
import type { TraceHeader } from '../trace/header.ts'
import { Counters } from './counters.ts'
import type { Fidelity } from './fidelity.ts'
import { type PackedResults, unpackResults } from './result-pack.ts'
import { ResultSink, type RunEnd, type SinkOptions } from './result-sink.ts'

export type ResultWorkerData = SinkOptions &
  Readonly<{
    ports: readonly MessagePort[]
    /** Memory of Counters: how many results were taken, for the thread that builds bodies. */
    read: SharedArrayBuffer
    outPath: string
    isForced: boolean
    header: TraceHeader
  }>

export type ResultCommand = Readonly<
  /** `expected`: results that the sending threads have posted in all. */
  | ({ kind: 'finish'; expected: number } & RunEnd)
  /** Leaves nothing behind. */
  | { kind: 'abandon' }
>

/**
 * From a sending thread, with the instant of due 0: said with each message, since another port's may
 * come sooner. Null: sent only to warm up, and no result.
 */
export type ResultMessage = Readonly<{ packed: PackedResults; startUs: number | null }>

export type ResultReply = Readonly<
  | { kind: 'ready' | 'abandoned' }
  | { kind: 'finished'; fidelity: Fidelity }
  | { kind: 'failed'; message: string }
>

async function run(data: ResultWorkerData, port: MessagePort): Promise<void> {
  const writer = await createTrace(data.outPath, data.header, { force: data.isForced })
  const sink = new ResultSink(data, writer)
  const read = new Counters(data.read)
  await sink.writeBlocks()
  const state = {
    finish: null as (ResultCommand & { kind: 'finish' }) | null,
    isAbandoned: false,
  }
  const finishIfWhole = async () => {
    const command = state.finish
    if (command === null || sink.seenCount < command.expected) return
    state.finish = null
    await sink.finish(command)
    port.postMessage({ kind: 'finished', fidelity: sink.fidelity } satisfies ResultReply)
  }
  const abandon = async () => {
    state.isAbandoned = true
    await writer.abandon()
    port.postMessage({ kind: 'abandoned' } satisfies ResultReply)
  }
  const guard = (work: Promise<void>) =>
    void work.catch(async (error: unknown) => {
      await writer.abandon()
      port.postMessage({
        kind: 'failed',
        message: String((error as Error).stack),
      } satisfies ResultReply)
    })
  for (const each of data.ports) {
    each.on('message', ({ packed, startUs }: ResultMessage) => {
      if (state.isAbandoned) return
      const results = unpackResults(packed)
      if (startUs === null) return sink.warmUp(results)
      sink.add(results, startUs)
      // As they are counted when done: without the tries that were followed by another.
      read.add('read', results.filter(({ isFinal }) => isFinal).length)
      guard(finishIfWhole())
    })
  }
  port.on('message', (command: ResultCommand) => {
    if (command.kind === 'abandon') guard(abandon())
    else {
      state.finish = command
      guard(finishIfWhole())
    }
  })
  port.postMessage({ kind: 'ready' } satisfies ResultReply)
}

/** What is built ahead and what is read afterwards waits for the thread that sends. */
const BACKGROUND_NICENESS = 10

if (parentPort !== null) {
  giveWay(BACKGROUND_NICENESS)
  await run(workerData as ResultWorkerData, parentPort)
}
