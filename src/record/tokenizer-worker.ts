/** Counts prompts with a model's tokenizer, so that the observer need not wait. Effects: its thread. */
import { parentPort, workerData } from '../base/threads.ts'
import { loadTokenizer } from '../base/tokenizer.ts'
import type { CountCall } from './count-call.ts'

export type CountJob = Readonly<{ id: number; call: CountCall }>
export type CountResult = Readonly<{ id: number; ids: Uint32Array | null }>

const tokenizer = await loadTokenizer((workerData as { name: string }).name)

function idsOf(call: CountCall): number[] | null {
  if (call.kind === 'text') return tokenizer.idsOfText(call.prompt)
  const { messages, tools, variables } = call
  return tokenizer.idsOfChat({ messages, tools, variables })
}

parentPort?.on('message', ({ id, call }: CountJob) => {
  const ids = idsOf(call)
  const result: CountResult = { id, ids: ids === null ? null : Uint32Array.from(ids) }
  parentPort?.postMessage(result, [])
})
