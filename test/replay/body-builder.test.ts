import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BodyBuilder, type BuildTarget } from '../../src/replay/body-builder.ts'
import type { TextFrame } from '../../src/replay/text-frame.ts'
import { guessedVocabulary } from '../../src/replay/vocabulary.ts'
import { ABORT_BY_TIME, ABORT_BY_TOKENS } from '../../src/workload/plan.ts'
import { handPlan, type HandRow } from '../support/hand-plan.ts'

const FRAME: TextFrame = { starter: 'go', headTokens: 5, tailTokens: 4, isExact: true }
const { words } = guessedVocabulary()
const VLLM: BuildTarget = {
  host: '127.0.0.1:8000',
  basePath: '/v1',
  dialect: {
    isVllm: true,
    hasStreamOptions: true,
    hasPriority: false,
    chatLimit: 'max_tokens' as const,
  },
  maxModelTokens: 4_096,
  server: 0,
  model: 'tiny',
  toolFrames: {},
  vocabulary: { words, ids: words.map((_, at) => 1_000 + at), isText: false },
  frames: { chat: FRAME, messages: FRAME, responses: FRAME },
  extraHeaders: [['authorization', 'Bearer key']],
}

function build(row: Partial<HandRow>, target: Partial<BuildTarget> = {}, change = {}) {
  const plan = handPlan([{ dueUs: 7, ...row }])
  const builder = new BodyBuilder(plan, {
    targets: [{ ...VLLM, ...target }],
    targetOfShape: [0],
    runId: 'run',
    textSeed: 'seed',
    prefix: 'keep',
    isLastOnConnection: true,
    isAnswerOfWords: true,
  })
  const into = Buffer.alloc(builder.roomFor(0, change) + 10)
  const { request, end } = builder.build(0, into, 10, change)
  const text = into.toString('utf8', 10, end)
  const [head = '', body = ''] = text.split('\r\n\r\n')
  return {
    request,
    head,
    body,
    json: (body === '' ? null : JSON.parse(body)) as Record<string, unknown>,
  }
}

const wordCount = (content: string) => content.split(' ').length - 1

test('a completions prompt is exactly so many token ids', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3_000 }), (promptTokens) => {
      const { json } = build({ promptTokens })
      expect((json['prompt'] as number[]).length).toBe(promptTokens)
    }),
    { numRuns: 30 },
  )
})

test("a chat prompt has as many words as the template leaves, after the template's starter", () => {
  const { json } = build({ endpoint: 'chat', promptTokens: 100 })
  const [{ role, content }] = json['messages'] as [{ role: string; content: string }]
  expect(role).toBe('user')
  expect(content.startsWith('go ')).toBe(true)
  expect(wordCount(content)).toBe(100 - FRAME.headTokens - FRAME.tailTokens)
})

test('the length in the head is the length of the body', () => {
  const { head, body, request } = build({ endpoint: 'chat', promptTokens: 333 })
  expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`)
  expect(request.bodyBytes).toBe(Buffer.byteLength(body))
})

test('the head names the row, the run, and nothing twice', () => {
  const { head } = build({})
  const names = head
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(':')[0])
  expect(head).toContain('x-request-id: run-0')
  expect(head).toMatch(/traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00/)
  expect(head).toContain('authorization: Bearer key')
  expect(new Set(names).size).toBe(names.length)
})

test('vLLM is asked for exact lengths; another server only for what it knows', () => {
  const { json: asked } = build({ outputTokens: 9 })
  expect((asked['allowed_token_ids'] as number[]).length).toBe(64)
  expect(asked).toMatchObject({
    max_tokens: 9,
    ignore_eos: true,
    stream: true,
  })
  const dialect = {
    isVllm: false,
    hasStreamOptions: false,
    hasPriority: false,
    chatLimit: 'max_tokens' as const,
  }
  const { json } = build({ outputTokens: 9, promptTokens: 12 }, { dialect })
  expect(Object.keys(json).toSorted()).toEqual(['max_tokens', 'model', 'prompt', 'stream'])
  expect(wordCount(json['prompt'] as string)).toBe(12)
})

test('a model is asked for by the name that the target has for it', () => {
  expect(build({ model: 'old' }).json['model']).toBe('tiny')
})

test('who will hang up asks for what is left of the context, others for what is planned', () => {
  const long = { promptTokens: 4_000, outputTokens: 500 }
  expect(build({ ...long, flags: ABORT_BY_TOKENS, abortAt: 5 }).json['max_tokens']).toBe(96)
  expect(build({ promptTokens: 4_000, outputTokens: 96 }).json['max_tokens']).toBe(96)
})

test('what does not fit the context, or has no route, is left without bytes', () => {
  expect(build({ promptTokens: 4_000, outputTokens: 500 }).request.bodyBytes).toBe(0)
  expect(build({ endpoint: 'other' }).request.bodyBytes).toBe(0)
})

test('each of several prompts has the context to itself, and one for an embedding all of it', () => {
  const several = build({ promptTokens: 9_000, outputTokens: 10, inputCount: 3 }).json
  expect(several['prompt']).toHaveLength(3)
  expect(several['max_tokens']).toBe(10)
  const full = { endpoint: 'embeddings', promptTokens: 4_096, outputTokens: 0 } as const
  expect(build(full).json['input']).toHaveLength(4_096)
})

test('hang-ups by time and by tokens are handed on', () => {
  const byTime = build({ flags: ABORT_BY_TIME, abortAt: 1_500 }).request
  expect(byTime).toMatchObject({ abortAfterUs: 1_500, abortAfterEvents: 0 })
  const byTokens = build({ flags: ABORT_BY_TOKENS, abortAt: 3 }).request
  expect(byTokens).toMatchObject({ abortAfterUs: Number.NaN, abortAfterEvents: 3 })
})

test('a prompt that is given is sent as it is, and its ids are asked for when a later turn quotes it', () => {
  const change = { prompt: Buffer.from('[1,2,3]'), isQuoted: true, dueUs: 99, attempt: 2 }
  const { json, request, head } = build({}, {}, change)
  expect(json).toMatchObject({ prompt: [1, 2, 3], return_token_ids: true })
  expect(request).toMatchObject({ dueUs: 99, attempt: 2 })
  expect(head).toContain('x-request-id: run-0-r2')
})

type Part = Readonly<{ type: string; [key: string]: unknown }>

/** The PNG of a part, whatever the dialect calls it. */
const pngOf = (part: Part): Buffer => {
  const url = (part['image_url'] as { url?: string } | undefined)?.url ?? part['image_url']
  const { data } = (part['source'] ?? {}) as { data?: string }
  return Buffer.from(data ?? String(url).replace('data:image/png;base64,', ''), 'base64')
}

test.each([
  ['chat', 'messages', ['image_url', 'image_url', 'text']],
  ['messages', 'messages', ['image', 'image', 'text']],
  ['responses', 'input', ['input_image', 'input_image', 'input_text']],
] as const)(
  'pictures of %s are parts of their own before the text, of the recorded size',
  (endpoint, key, kinds) => {
    const imageSizes = '[[640,480,9000],[31,17,null]]'
    const { json } = build({ endpoint, promptTokens: 2_000, imageSizes })
    const [{ content }] = json[key] as [{ content: Part[] }]
    expect(content.map(({ type }) => type)).toEqual(kinds)
    const sizes = content.slice(0, 2).map((part) => {
      const png = pngOf(part)
      return [png.readUInt32BE(16), png.readUInt32BE(20)]
    })
    expect(sizes).toEqual([
      [640, 480],
      [31, 17],
    ])
    expect(pngOf(content[0]!).length).toBe(9_000)
  },
)
