/** Tokens by a model's own files, with and without its chat template. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkTokenizer, loadTokenizer } from '../../src/base/tokenizer.ts'

const VOCAB = { '[UNK]': 0, hello: 1, world: 2, user: 3, ':': 4, bot: 5 }

/** A tokenizer of five words. */
const TOKENIZER = {
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: null,
  decoder: null,
  model: { type: 'WordLevel', vocab: VOCAB, unk_token: '[UNK]' },
}

const TEMPLATE =
  "{% for message in messages %}{{ message['role'] + ' : ' + message['content'] + ' ' }}{% endfor %}" +
  '{% if add_generation_prompt %}bot :{% endif %}'

let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'trace-tokenizer-'))
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(TOKENIZER))
  const config = { tokenizer_class: 'PreTrainedTokenizerFast', unk_token: '[UNK]' }
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('a text has the ids of its vocabulary', async () => {
  const tokenizer = await loadTokenizer(folder)
  expect(tokenizer.idsOfText('hello world hello')).toEqual([1, 2, 1])
})

test('a conversation goes through the template, and without one it cannot be counted', async () => {
  const parts = {
    messages: [{ role: 'user', content: 'hello world' }],
    tools: [],
    variables: {},
  }
  expect((await loadTokenizer(folder)).idsOfChat(parts)).toBeNull()
  writeFileSync(join(folder, 'chat_template.jinja'), TEMPLATE)
  const tokenizer = await loadTokenizer(folder)
  expect(tokenizer.idsOfChat(parts)).toEqual([3, 4, 1, 2, 5, 4])
  const open = { ...parts, variables: { add_generation_prompt: false } }
  expect(tokenizer.idsOfChat(open)).toEqual([3, 4, 1, 2])
})

const LISTING =
  "{% for m in messages %}{{ m.role + ' : ' }}{% for part in m['content'] %}" +
  '{{ part.text }} {% endfor %}{% endfor %}'

const CALLING =
  "{% for m in messages %}{{ m.role + ' ' + m.content }}{% for call in m.tool_calls %}" +
  "{{ ' ' + call.function.arguments.user }}{% endfor %}{% endfor %}"

const PARTS = [
  { type: 'text', text: 'hello' },
  { type: 'text', text: 'world' },
]
const called = (given: unknown) => [
  { role: 'bot', content: null, tool_calls: [{ function: { name: 'f', arguments: given } }] },
]

test.for([
  [
    'one text for a template that writes one',
    TEMPLATE,
    [{ role: 'user', content: PARTS }],
    [3, 4, 1, 2],
  ],
  ['nothing where there is none', TEMPLATE, [{ role: 'user', content: null }], [3, 4]],
  [
    'parts for a template that goes through them',
    LISTING,
    [{ role: 'user', content: 'hello' }],
    [3, 4, 1],
  ],
  ['an object for arguments that are JSON text', CALLING, called('{"user":"hello"}'), [5, 1]],
  ['the same for those that are one', CALLING, called({ user: 'world' }), [5, 2]],
] as const)('a template gets what vLLM gives it: %s', async ([, template, messages, ids]) => {
  writeFileSync(join(folder, 'chat_template.jinja'), template)
  const { idsOfChat } = await loadTokenizer(folder)
  const variables = { add_generation_prompt: false, tokenize: true, chat_template: 'no' }
  expect(idsOfChat({ messages, tools: [], variables })).toEqual(ids)
})

test('no ids are no text', async () => {
  expect((await loadTokenizer(folder)).textOfIds([])).toBe('')
})

test('a folder without a tokenizer is named', async () => {
  await expect(loadTokenizer('/no/such/model')).rejects.toThrow('/no/such/model')
  await expect(checkTokenizer('/no/such/model')).rejects.toThrow('/no/such/model')
  await expect(checkTokenizer(folder)).resolves.toBeUndefined()
})
