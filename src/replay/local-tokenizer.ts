/** A model's own tokenizer, in a thread of its own, instead of the server's. Effects: starts a thread. */
import { TraceError } from '../base/errors.ts'
import { MessageChannel, startThread, type MessagePort, type Worker } from '../base/threads.ts'
import { checkTokenizer } from '../base/tokenizer.ts'
import type { ChatMessage, TokenizerClient } from './tokenizer-client.ts'
import type { TokenizerState } from './tokenizer-worker.ts'

export type TokenizerCall = Readonly<{ id: number }> &
  Readonly<
    | { kind: 'text'; text: string; isWhole: boolean }
    | { kind: 'ids'; ids: readonly number[] }
    | { kind: 'chat'; messages: readonly ChatMessage[]; tools: readonly unknown[] }
  >

export type TokenizerReply = Readonly<{ id: number; answer: readonly number[] | string | null }>

export class LocalTokenizer {
  readonly #worker: Worker
  readonly #ports: MessagePort[] = []

  private constructor(worker: Worker) {
    this.#worker = worker
  }

  /**
   * @param name a folder with tokenizer.json, or a model's id
   * @throws TraceError BAD_OPTION if it cannot be loaded
   */
  static async open(name: string): Promise<LocalTokenizer> {
    await checkTokenizer(name)
    const worker = startThread(import.meta.url, './tokenizer-worker', { workerData: { name } })
    const { promise, resolve, reject } = Promise.withResolvers<TokenizerState>()
    worker.once('message', resolve)
    worker.once('error', reject)
    const state = await promise
    if (state.kind === 'loaded') return new LocalTokenizer(worker)
    await worker.terminate()
    throw new TraceError('BAD_OPTION', state.message, { hint: state.hint })
  }

  /** To be handed to another thread, which asks through `portTokenizer`. */
  port(): MessagePort {
    const { port1, port2 } = new MessageChannel()
    this.#worker.postMessage({ port: port1 }, [port1])
    this.#ports.push(port2)
    return port2
  }

  async close(): Promise<void> {
    for (const port of this.#ports) port.close()
    await this.#worker.terminate()
  }
}

/** Asks the thread at the other end. */
export function portTokenizer(port: MessagePort): TokenizerClient {
  const waiting = new Map<number, (answer: TokenizerReply['answer']) => void>()
  const state = { id: 0, isGone: false }
  port.on('message', ({ id, answer }: TokenizerReply) => {
    waiting.get(id)?.(answer)
    waiting.delete(id)
    // A thread with nothing else to wait for may end.
    if (waiting.size === 0) port.unref()
  })
  // The thread is gone: nobody answers any more.
  port.on('close', () => {
    state.isGone = true
    for (const resolve of waiting.values()) resolve(null)
    waiting.clear()
  })
  port.unref()
  const ask = async (call: AnyCall): Promise<TokenizerReply['answer']> => {
    if (state.isGone) return null
    const { promise, resolve } = Promise.withResolvers<TokenizerReply['answer']>()
    state.id += 1
    waiting.set(state.id, resolve)
    port.ref()
    port.postMessage({ ...call, id: state.id })
    return promise
  }
  return {
    tokenize: async (text, isWhole = false) => idsIn(await ask({ kind: 'text', text, isWhole })),
    tokenizeChat: async (messages, tools) =>
      idsIn(await ask({ kind: 'chat', messages, tools: Array.isArray(tools) ? tools : [] })),
    async detokenize(tokenIds) {
      const answer = await ask({ kind: 'ids', ids: tokenIds })
      return typeof answer === 'string' ? answer : null
    },
  }
}

function idsIn(answer: TokenizerReply['answer']): readonly number[] | null {
  return typeof answer === 'string' ? null : answer
}

type AnyCall = TokenizerCall extends infer C ? (C extends unknown ? Omit<C, 'id'> : never) : never
