import { expect, test } from 'vitest'
import { Conversations } from '../../src/replay/conversation.ts'
import { Family } from '../../src/replay/family.ts'
import { PromptWriter } from '../../src/replay/prompt-writer.ts'
import { measureFrame } from '../../src/replay/text-frame.ts'
import { learnVocabulary } from '../../src/replay/vocabulary.ts'
import { NONE } from '../../src/workload/plan.ts'
import { handPlan, type HandBlock, type HandRow } from '../support/hand-plan.ts'
import { wordTokenizer } from '../support/word-tokenizer.ts'

const tokenizer = wordTokenizer()
const dialect = {
  isVllm: true,
  hasStreamOptions: true,
  hasPriority: false,
  chatLimit: 'max_tokens' as const,
}
const end = {
  index: 0,
  endedAtUs: 5,
  answerText: null,
  answerTokenIds: null,
  responseId: null,
  cut: null,
}

async function conversations(
  rows: readonly HandRow[],
  blocks: readonly HandBlock[] = [],
  isKept = false,
  counts: typeof tokenizer | null = tokenizer,
) {
  const vocabulary = (await learnVocabulary(tokenizer))!
  const chat = await measureFrame(tokenizer, vocabulary, (content) => [{ role: 'user', content }])
  const plan = handPlan(rows, blocks, { kind: 'session' })
  const prompts = new PromptWriter(
    plan,
    { dialect, vocabulary, frames: { chat, messages: chat, responses: chat }, toolFrames: {} },
    'seed',
    'keep',
  )
  const family = new Family(plan.columns.parent)
  return {
    prompts,
    plan,
    talk: new Conversations(
      plan,
      family,
      () => prompts,
      () => counts,
      () => isKept,
    ),
  }
}

const turns = (
  endpoint: 'chat' | 'completions' | 'messages' | 'responses',
  sizes: readonly number[],
): HandRow[] =>
  sizes.map((promptTokens, at) => ({
    dueUs: at,
    endpoint,
    promptTokens,
    session: 0,
    ...(at === 0 ? {} : { parent: at - 1 }),
  }))

test('a later turn on completions is what was sent, what was answered, and something new', async () => {
  const { talk, prompts } = await conversations(turns('completions', [20, 50, 90]))
  const answerTokenIds = Uint32Array.from([11, 12, 13])
  const second = JSON.parse(
    String((await talk.promptOf(1, { ...end, answerTokenIds }))?.prompt),
  ) as number[]
  expect(second.length).toBe(50)
  expect(second.slice(0, 20)).toEqual([...prompts.ids(0, 0, 20)])
  expect(second.slice(20, 23)).toEqual([11, 12, 13])
  const third = JSON.parse(
    String((await talk.promptOf(2, { ...end, index: 1, answerTokenIds }))?.prompt),
  ) as number[]
  expect(third.slice(0, 50)).toEqual(second)
  expect(third.length).toBe(90)
})

const MESSAGE_DIALECTS = ['chat', 'messages', 'responses'] as const

test.each(MESSAGE_DIALECTS)(
  'a later turn on %s quotes the answer and has its size',
  async (name) => {
    const { talk } = await conversations(turns(name, [40, 90]))
    const answerText = 'aab aac aad'
    const messages = JSON.parse(
      String((await talk.promptOf(1, { ...end, answerText }))?.prompt),
    ) as {
      role: string
      content: string
    }[]
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
    expect(messages[1]?.content).toBe(answerText)
    expect((await tokenizer.tokenizeChat(messages, null))?.length).toBe(90)
  },
)

test('a turn that named its predecessor does so again, and sends only what is new', async () => {
  const params = '{"previous_response_id":true}'
  const rows = turns('responses', [40, 90, 140]).map((row) => ({ ...row, params }))
  const { talk } = await conversations(rows, [], true)
  const answer = { ...end, answerText: 'aab aac aad', responseId: 'resp_1' }
  const second = await talk.promptOf(1, answer)
  expect(second?.previousResponseId).toBe('resp_1')
  const third = await talk.promptOf(2, { ...answer, index: 1, responseId: 'resp_2' })
  expect(third?.previousResponseId).toBe('resp_2')
  // What the server adds from its memory and what is sent make the planned size together.
  const said = [String(second?.prompt), String(third?.prompt)].map(
    (json) => JSON.parse(json) as string,
  )
  const messages = [
    { content: 'x' },
    answer,
    { content: said[0] },
    answer,
    { content: said[1] },
  ].map((each) => ({ role: 'user', content: 'content' in each ? each.content : each.answerText }))
  const whole = (await tokenizer.tokenizeChat(messages, null))?.length ?? 0
  const first = (await tokenizer.tokenizeChat([{ role: 'user', content: 'x' }], null))?.length ?? 0
  expect(whole - first).toBe(140 - 40)
  const forgetful = await conversations(rows)
  expect((await forgetful.talk.promptOf(1, answer))?.previousResponseId).toBeNull()
})

test('a turn whose parent failed, or left no room, uses its own words and is counted by the reason', async () => {
  for (const [endpoint, longAnswer] of [
    ['completions', { answerTokenIds: new Uint32Array(40) }],
    ['chat', { answerText: 'aab '.repeat(40) }],
  ] as const) {
    const { talk } = await conversations(turns(endpoint, [20, 50]))
    expect(await talk.promptOf(1, { ...end, cut: 'failed' })).toBeNull()
    expect(await talk.promptOf(1, { ...end, cut: 'hungUp' })).toBeNull()
    expect(await talk.promptOf(1, { ...end, cut: 'hungUp' })).toBeNull()
    expect(await talk.promptOf(1, end)).toBeNull()
    expect(await talk.promptOf(1, { ...end, ...longAnswer })).toBeNull()
    expect(talk.fillers).toEqual({ failed: 1, hungUp: 2, noAnswer: 1, tooLong: 1 })
  }
  const alone = await conversations(turns('chat', [20, 50]), [], false, null)
  expect(await alone.talk.promptOf(1, { ...end, answerText: 'aab' })).toBeNull()
  expect(alone.talk.fillers).toEqual({ noTokenizer: 1 })
})

test('a turn that does not continue the prompt before it quotes nothing', async () => {
  const blocks = [
    { id: 1n, parent: null, tokens: 10 },
    { id: 2n, parent: null, tokens: 10 },
    { id: 3n, parent: 0, tokens: 10 },
  ]
  const [first, second] = turns('completions', [20, 50]) as [HandRow, HandRow]
  const answerTokenIds = Uint32Array.from([9])
  const other = await conversations(
    [
      { ...first, leaf: 0 },
      { ...second, leaf: 1 },
    ],
    blocks,
  )
  expect(await other.talk.promptOf(1, { ...end, answerTokenIds })).toBeNull()
  expect(other.talk.fillers).toEqual({})
  const same = await conversations(
    [
      { ...first, leaf: 0 },
      { ...second, leaf: 2 },
    ],
    blocks,
  )
  expect(await same.talk.promptOf(1, { ...end, answerTokenIds })).not.toBeNull()
})

test('a family knows children and roots', () => {
  const family = new Family(Uint32Array.from([NONE, 0, 0, 1, NONE]))
  expect([...family.childrenOf(0)]).toEqual([1, 2])
  expect(family.hasChildren(4)).toBe(false)
  expect(family.rootOf(3)).toBe(0)
  expect(family.rootOf(4)).toBe(4)
})
