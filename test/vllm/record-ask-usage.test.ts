/** What a client hears of a real vLLM with --ask-usage, against what it hears without a recorder. */
import { expect, test } from 'vitest'
import { rowsOf, startRecorder } from '../support/recorder.ts'

const target = process.env['TRACE_VLLM_URL'] ?? ''

type Event = Readonly<{
  choices: readonly { text?: string; delta?: { content?: string } }[]
  usage?: { completion_tokens: number }
}>

/** Which tokens share an event is up to the server's pace: the text is joined, the rest is as it came. */
async function heard(base: string, path: string, body: object) {
  const answer = await fetch(base + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', max_tokens: 9, temperature: 0, stream: true, ...body }),
  })
  const data = [...(await answer.text()).matchAll(/^data: (.*)$/gm)].map(([, text]) => text ?? '')
  const events = data.slice(0, -1).map((text) => JSON.parse(text) as Event)
  const parts = events.flatMap(({ choices }) => choices)
  const [last, usage] = [events.findLast(({ choices }) => choices.length > 0), events.at(-1)?.usage]
  const tail = { ...last, id: '', created: 0, choices: [] }
  const text = parts.map((part) => part.text ?? part.delta?.content ?? '').join('')
  return { text, tail, usage: usage ?? null, end: data.at(-1) }
}

test.skipIf(target === '')(
  'with --ask-usage clients hear what they hear without, and every row has the server’s counts (needs TRACE_VLLM_URL)',
  async () => {
    const recorder = await startRecorder(Number(new URL(target).port), { askUsage: true })
    const messages = [{ role: 'user', content: 'Say é ship' }]
    const asking = { stream_options: { include_usage: true } }
    const asks: readonly (readonly [path: string, body: object])[] = [
      ['/v1/chat/completions', { messages }],
      ['/v1/completions', { prompt: 'A ship' }],
      ['/v1/chat/completions', { messages, ...asking }],
    ]
    for (const [path, body] of asks) {
      const direct = await heard(target, path, body)
      expect(await heard(`http://127.0.0.1:${recorder.port}`, path, body)).toEqual(direct)
      expect(direct.usage?.completion_tokens ?? null).toBe('stream_options' in body ? 9 : null)
    }
    await recorder.stop()
    const rows = await rowsOf(recorder.directory)
    recorder.remove()
    const counts = rows.map(({ tokenSource, outputTokens }) => [tokenSource, outputTokens])
    expect(counts).toEqual(asks.map(() => ['server', 9]))
  },
)
