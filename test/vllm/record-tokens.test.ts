/** Clients that never ask for usage, recorded in front of a real vLLM: sums against its counters. */
import { expect, test } from 'vitest'
import { HttpClient } from '../../src/base/http.ts'
import { drawFor } from '../../src/base/random.ts'
import { parseMetrics } from '../../src/replay/server-metrics.ts'
import { rowsOf, startRecorder } from '../support/recorder.ts'

const target = process.env['TRACE_VLLM_URL']
const tokenizer = process.env['TRACE_VLLM_TOKENIZER']

const WORDS =
  `the quick brown fox jumps over a lazy dog while considering profound implications, of naïve
  Übergröße 世界 function(x) { return x+1 } "quoted" 'single' http://example.com/a?b=c 3.14159 1234`.split(
    /\s+/,
  )

const draw = drawFor('tokens', 'clients')
let drawn = 0
const random = (limit: number) => Math.floor(draw((drawn += 1)) * limit)
const text = (words: number) =>
  Array.from({ length: words }, () => WORDS[random(WORDS.length)]).join(' ')

async function counters(client: HttpClient) {
  const { text: page } = await client.call(new URL('/metrics', target))
  const total = (name: string) =>
    parseMetrics(page)
      .filter((metric) => metric.name === name)
      .reduce((sum, { value }) => sum + value, 0)
  return {
    prompt: total('vllm:prompt_tokens_total'),
    output: total('vllm:generation_tokens_total'),
    finished: total('vllm:request_success_total'),
  }
}

async function stream(port: number, path: string, body: object): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', stream: true, ignore_eos: true, ...body }),
  })
  const events = [...(await answer.text()).matchAll(/^data: (\{[^\n]*\})$/gm)]
  return events
    .map(([, data]) => JSON.parse(data ?? '{}') as { choices?: { delta?: { content?: string } }[] })
    .map(({ choices }) => choices?.[0]?.delta?.content ?? '')
    .join('')
}

/** One conversation of three turns, and one completion. */
async function converse(port: number): Promise<void> {
  const messages = [{ role: 'system', content: `You help. ${text(80)}` }]
  for (let turn = 0; turn < 3; turn += 1) {
    messages.push({ role: 'user', content: text(5 + random(120)) })
    const body = { messages, max_tokens: 5 + random(50) }
    messages.push({
      role: 'assistant',
      content: await stream(port, '/v1/chat/completions', body),
    })
  }
  await stream(port, '/v1/completions', { prompt: text(50 + random(200)), max_tokens: 20 })
}

async function record(changes: Parameters<typeof startRecorder>[1], conversations: number) {
  const client = new HttpClient()
  const recorder = await startRecorder(Number(new URL(target ?? '').port), changes)
  const before = await counters(client)
  for (let done = 0; done < conversations; done += 4) {
    await Promise.all([0, 1, 2, 3].map(async () => converse(recorder.port)))
  }
  const after = await counters(client)
  await recorder.stop()
  const rows = await rowsOf(recorder.directory)
  recorder.remove()
  await client.close()
  // Else somebody else asks this server too, and its counters say nothing of ours.
  expect(after.finished - before.finished).toBe(rows.length)
  const sum = (key: 'promptTokens' | 'outputTokens') =>
    rows.reduce((total, row) => total + (row[key] ?? 0), 0)
  return {
    rows,
    prompt: sum('promptTokens') / (after.prompt - before.prompt),
    output: sum('outputTokens') / (after.output - before.output),
  }
}

test.skipIf(target === undefined)(
  'sums are within 2 % of the server’s with a sample of /tokenize (needs TRACE_VLLM_URL)',
  async () => {
    const found = await record({ tokenizeRate: '2', metricsUrl: `${target}/metrics` }, 20)
    expect(found.rows.every(({ tokenSource }) => tokenSource !== 'server')).toBe(true)
    expect(Math.abs(found.prompt - 1)).toBeLessThan(0.02)
    // A server that falls behind merges tokens into events; these answers ended at their limit.
    expect(Math.abs(found.output - 1)).toBeLessThan(0.02)
    const sources = new Set(found.rows.map(({ tokenSource }) => tokenSource))
    expect(sources).toContain('tokenizer')
    expect(new Set(found.rows.map(({ session }) => session)).size).toBe(40)
  },
)

test.skipIf(target === undefined || tokenizer === undefined)(
  'a tokenizer of ours counts exactly what the server counts (needs TRACE_VLLM_URL, _TOKENIZER)',
  async () => {
    const changes = { tokenizer: tokenizer ?? '', metricsUrl: `${target}/metrics` }
    const found = await record(changes, 16)
    expect(found.prompt).toBe(1)
    expect(Math.abs(found.output - 1)).toBeLessThan(0.02)
  },
)
