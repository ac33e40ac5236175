/** What a real vLLM makes of sessions, tools and answers of words in each dialect that it serves. */
import { expect, test } from 'vitest'
import { handPlan, type HandRow } from '../support/hand-plan.ts'
import { runReplay } from '../support/replay-run.ts'

const target = process.env['TRACE_VLLM_URL'] ?? ''
const tokenizer = process.env['TRACE_VLLM_TOKENIZER'] ?? ''
const DIALECTS = ['completions', 'chat', 'responses', 'messages'] as const

/** Three turns in each of eight sessions, two of each dialect. */
const turns = (answerTokens: number): HandRow[] =>
  Array.from({ length: 24 }, (_, at): HandRow => {
    const session = Math.floor(at / 3)
    const turn = at % 3
    return {
      dueUs: session * 100_000 + turn,
      endpoint: DIALECTS[session % 4]!,
      isStream: session % 8 < 4,
      session,
      promptTokens: 60 + turn * 110,
      outputTokens: answerTokens,
      ...(turn === 0 ? {} : { parent: at - 1, thinkUs: 20_000 }),
    }
  })

test.skipIf(target === '').each([
  ["the server's tokenizer", []],
  ['a local tokenizer (needs TRACE_VLLM_TOKENIZER)', [tokenizer]],
])(
  'later turns quote answers of words in every dialect and have the planned size, by %s (needs TRACE_VLLM_URL)',
  async (_what, given) => {
    const rows = turns(16)
    const plan = handPlan(rows, [], { kind: 'session' })
    const wish = given[0] === '' ? [] : given
    const run = await runReplay(plan, { target, answer: 'words', tokenizer: wish })
    const bySeq = run.rows.toSorted((a, b) => a.seq - b.seq)
    expect(bySeq.map(({ outcome }) => outcome)).toEqual(rows.map(() => 'ok'))
    expect(bySeq.map(({ promptTokens }) => promptTokens)).toEqual(
      rows.map(({ promptTokens }) => promptTokens),
    )
    // Only the dialect of Anthropic cannot keep a model from stopping early.
    const sized = bySeq.filter(({ endpoint }) => endpoint !== 'messages')
    expect(sized.map(({ outputTokens }) => outputTokens)).toEqual(sized.map(() => 16))
    expect(run.fidelity.fillers).toEqual({})
  },
)

test.skipIf(target === '')(
  'tools of the recorded number and bytes leave prompts at their size in every dialect (needs TRACE_VLLM_URL)',
  async () => {
    const rows = Array.from({ length: 18 }, (_, at): HandRow => ({
      dueUs: at * 20_000,
      endpoint: DIALECTS[1 + (at % 3)]!,
      isStream: at % 2 === 0,
      tools: 1 + (at % 2) * 2,
      toolBytes: 900,
      promptTokens: 500 + at * 11,
      outputTokens: 4,
    }))
    const run = await runReplay(handPlan(rows), { target })
    const bySeq = run.rows.toSorted((a, b) => a.seq - b.seq)
    expect(bySeq.map(({ outcome }) => outcome)).toEqual(rows.map(() => 'ok'))
    expect(bySeq.map(({ promptTokens }) => promptTokens)).toEqual(
      rows.map(({ promptTokens }) => promptTokens),
    )
  },
)

test.skipIf(target === '')(
  'turns that named their predecessor have their size, whether the server keeps answers or not (needs TRACE_VLLM_URL)',
  async () => {
    const params = '{"previous_response_id":true}'
    const rows = turns(8)
      .slice(0, 3)
      .map((row) => ({ ...row, endpoint: 'responses' as const, params }))
    const run = await runReplay(handPlan(rows, [], { kind: 'session' }), {
      target,
      answer: 'words',
    })
    expect(run.rows.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok'])
    expect(run.fidelity).toMatchObject({ promptExact: 3, fillers: {} })
  },
)
