/** Chats of every shape, by our own tokenizer, against the tokens that a real vLLM finds in them. */
import { expect, test } from 'vitest'
import { HttpClient } from '../../src/base/http.ts'
import { loadTokenizer } from '../../src/base/tokenizer.ts'

const target = process.env['TRACE_VLLM_URL']
const folder = process.env['TRACE_VLLM_TOKENIZER']

const asked = { role: 'user', content: 'What is it like there?' }
const called = (argumentsText: string) => ({
  role: 'assistant',
  content: null,
  tool_calls: [{ id: 'a', type: 'function', function: { name: 'find', arguments: argumentsText } }],
})
const told = (content: unknown) => ({ role: 'tool', tool_call_id: 'a', content })
const parts = (...texts: string[]) => texts.map((text) => ({ type: 'text', text }))

const CHATS = [
  ['one text', [asked]],
  ['several parts', [{ role: 'user', content: parts('Hello', 'there, friend') }]],
  ['a part in the system message', [{ role: 'system', content: parts('Be kind') }, asked]],
  ['an empty text', [{ role: 'user', content: '' }, { role: 'assistant', content: 'Yes' }, asked]],
  ['arguments of a call', [asked, called('{"city":"Oslo","days":3}'), told('rain'), asked]],
  ['arguments that were cut', [asked, called('{"city":"Os'), told('rain')]],
  ['parts in the answer of a tool', [asked, called('{"a":1}'), told(parts('rain', 'wind'))]],
] as const

test.skipIf(target === undefined || folder === undefined).each(CHATS)(
  'a chat with %s has the tokens that the server finds in it (needs TRACE_VLLM_URL, _TOKENIZER)',
  async (_name, messages) => {
    const client = new HttpClient()
    const json = { model: 'tiny', messages, add_generation_prompt: true }
    const { text } = await client.call(new URL('/tokenize', target), { json })
    await client.close()
    const { tokens } = JSON.parse(text) as { tokens: number[] }
    const tokenizer = await loadTokenizer(folder ?? '')
    expect(tokenizer.idsOfChat({ messages, tools: [], variables: {} })).toEqual(tokens)
  },
)
