import { expect, test } from 'vitest'
import { SPAN_COLUMNS, spanFacts } from '../../src/report/span-facts.ts'
import { requestId, traceParent } from '../../src/replay/request-head.ts'
import type { RequestRow } from '../../src/trace/columns.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

const sent: Partial<RequestRow> = {
  sourceSeq: 7,
  copy: 0,
  attempt: 0,
  atUs: 1_000_000,
  lagUs: 40,
  uploadUs: 10,
  endpoint: 'chat',
  model: 'tiny',
  stream: true,
  n: 1,
  maxTokens: 20,
  params: '{"temperature":0.5}',
  outcome: 'ok',
  status: 200,
  finishReason: 'length',
  ttftUs: 30_000,
  e2eUs: 90_000,
  promptTokens: 100,
  outputTokens: 20,
}

async function factsOf(row: Partial<RequestRow>) {
  const reader = unsavedTrace({ kind: 'replayed', requests: [row] })
  const header = { ...reader.header, originWallUs: 1_000_000_000, labels: { run: 'abc' } }
  for await (const batch of reader.requests(SPAN_COLUMNS)) return spanFacts(header, batch, 0)
  return null
}

test("a request's span has the ids of the traceparent that was sent, and its times", async () => {
  const facts = (await factsOf(sent))!
  const [, traceId, spanId] = traceParent(
    requestId('abc', { seq: 7, copy: 0, attempt: 0 }),
    true,
  ).split('-')
  expect(facts).toMatchObject({ name: 'chat tiny', traceId, spanId, error: null })
  expect([facts.startWallUs, facts.endWallUs]).toEqual([1_001_000_040, 1_001_090_050])
  expect(facts.attributes).toMatchObject({
    'gen_ai.operation.name': 'chat',
    'gen_ai.request.model': 'tiny',
    'gen_ai.request.max_tokens': 20,
    'gen_ai.request.temperature': 0.5,
    'gen_ai.response.finish_reasons': ['length'],
    'gen_ai.response.time_to_first_chunk': 0.03,
    'gen_ai.usage.input_tokens': 100,
    'gen_ai.usage.output_tokens': 20,
    'http.request.header.x-request-id': ['abc-7'],
  })
})

test('a failed request says how; one that was never sent has no span; nothing unknown is said', async () => {
  const failed = (await factsOf({ ...sent, outcome: 'http_error', status: 503, ttftUs: null }))!
  expect(failed.error).toBe('http_error')
  expect(failed.attributes['error.type']).toBe('http_error')
  expect(failed.attributes).not.toHaveProperty('gen_ai.response.time_to_first_chunk')
  expect(failed.attributes).not.toHaveProperty('gen_ai.conversation.id')
  expect(await factsOf({ ...sent, outcome: 'not_sent' })).toBeNull()
})
