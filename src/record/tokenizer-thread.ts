/** A counter of prompts in a thread of its own. Effects: starts the thread. */
import { startThread } from '../base/threads.ts'
import { countCallOf } from './count-call.ts'
import type { CountPrompt, PromptTokens } from './prompt-count.ts'
import type { CountJob, CountResult } from './tokenizer-worker.ts'

/** Prompts that may wait; more are estimated. */
const MAX_JOBS = 1_000
const MAX_WAITING_BYTES = 64_000_000

export type TokenizerThread = Readonly<{ count: CountPrompt; close(): Promise<void> }>

/** @param name folder or id of the tokenizer; one that cannot be loaded counts nothing */
export function startTokenizer(name: string): TokenizerThread {
  const worker = startThread(import.meta.url, './tokenizer-worker', { workerData: { name } })
  const waiting = new Map<
    number,
    { resolve: (tokens: PromptTokens | null) => void; bytes: number }
  >()
  let nextId = 0
  let bytes = 0
  let isDown = false
  const settle = (id: number, ids: Uint32Array | null): void => {
    const job = waiting.get(id)
    waiting.delete(id)
    bytes -= job?.bytes ?? 0
    job?.resolve(ids === null ? null : { count: ids.length, ids })
  }
  const fail = (): void => {
    isDown = true
    for (const id of waiting.keys()) settle(id, null)
  }
  worker.on('message', ({ id, ids }: CountResult) => settle(id, ids))
  // What went wrong could quote a prompt: it is not passed on.
  worker.on('error', fail)
  worker.on('exit', fail)
  worker.unref()
  return {
    count(exchange, body) {
      if (isDown || waiting.size >= MAX_JOBS) return null
      if (bytes + exchange.requestBytes > MAX_WAITING_BYTES) return null
      const call = countCallOf(exchange.endpoint, body)
      if (call === null || 'chat_template' in call.body) return null
      const { promise, resolve } = Promise.withResolvers<PromptTokens | null>()
      const job: CountJob = { id: nextId, call }
      nextId += 1
      bytes += exchange.requestBytes
      waiting.set(job.id, { resolve, bytes: exchange.requestBytes })
      worker.postMessage(job, [])
      return promise
    },
    async close() {
      fail()
      await worker.terminate()
    },
  }
}
