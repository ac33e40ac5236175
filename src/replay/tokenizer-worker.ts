/** Thread that tokenizes with a model's own files, so that nothing that is on time waits for it. Effects: its thread. */
import { TraceError } from '../base/errors.ts'
import { giveWay, parentPort, workerData, type MessagePort } from '../base/threads.ts'
import { loadTokenizer, type Tokenizer } from '../base/tokenizer.ts'
import type { TokenizerCall, TokenizerReply } from './local-tokenizer.ts'

export type TokenizerState = Readonly<
  { kind: 'loaded' } | { kind: 'failed'; message: string; hint: string }
>

/** After the threads that build and send. */
const NICENESS = 5

function answerTo(tokenizer: Tokenizer, call: TokenizerCall): TokenizerReply['answer'] {
  if (call.kind === 'ids') return tokenizer.textOfIds(call.ids)
  if (call.kind === 'chat') {
    return tokenizer.idsOfChat({ messages: call.messages, tools: call.tools, variables: {} })
  }
  return call.isWhole ? tokenizer.idsOfText(call.text) : tokenizer.idsOfWords(call.text)
}

if (parentPort !== null) {
  const say = (state: TokenizerState) => parentPort?.postMessage(state)
  try {
    const tokenizer = await loadTokenizer((workerData as { name: string }).name)
    giveWay(NICENESS)
    parentPort.on('message', ({ port }: { port: MessagePort }) => {
      port.on('message', (call: TokenizerCall) => {
        const reply: TokenizerReply = { id: call.id, answer: answerTo(tokenizer, call) }
        port.postMessage(reply)
      })
    })
    say({ kind: 'loaded' })
  } catch (error) {
    const hint = error instanceof TraceError ? error.hint : ''
    say({ kind: 'failed', message: (error as Error).message, hint })
  }
}
