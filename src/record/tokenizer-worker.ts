/** Counts prompts with a model's tokenizer, so that the observer need not wait. Effects: its thread. */
import { parentPort, workerData } from '../base/threads.ts'
import { loadTokenizer } from '../base/tokenizer.ts'
import type { CountCall } from './count-call.ts'

export type CountJob = Readonly<{ id: number; call: CountCall }>
export type CountResult = Readonly<{ id: number; count: number | null }>

const tokenizer = await loadTokenizer((workerData as { name: string }).name)

function count(call: CountCall): number | null {
  if (call.kind === 'text') return tokenizer.countText(call.prompt)
  const { messages, tools, variables } = call
  return tokenizer.countChat({ messages, tools, variables })
}

parentPort?.on('message', ({ id, call }: CountJob) => {
  const result: CountResult = { id, count: count(call) }
  parentPort?.postMessage(result, [])
})
