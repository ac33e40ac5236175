/** Blocks of the engine's own tokens, recorded in front of a real vLLM: what they share is what it finds cached. */
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { HttpClient } from '../../src/base/http.ts'
import { parseMetrics } from '../../src/replay/server-metrics.ts'
import { openTrace } from '../../src/trace/open.ts'
import { rowsOf, startRecorder } from '../support/recorder.ts'

const target = process.env['TRACE_VLLM_URL']
const BLOCK_TOKENS = 64

async function cacheFacts(client: HttpClient) {
  const { text } = await client.call(new URL('/metrics', target))
  const metrics = parseMetrics(text)
  const config = metrics.find(({ name }) => name === 'vllm:cache_config_info')
  return {
    hits: metrics
      .filter(({ name }) => name === 'vllm:prefix_cache_hits_total')
      .reduce((sum, { value }) => sum + value, 0),
    blockTokens: Number(/"?block_size"?[=:]"?(\d+)/.exec(JSON.stringify(config))?.[1] ?? 128),
  }
}

/** Each block's place in its chain, by id. */
async function placesOf(
  directory: string,
): Promise<Map<bigint, { parent: bigint; place: number }>> {
  const reader = await openTrace(directory)
  const places = new Map<bigint, { parent: bigint; place: number }>()
  for await (const { rowCount, columns } of reader.blocks()) {
    for (let row = 0; row < rowCount; row += 1) {
      const parent = columns.parent[row] ?? 0n
      const place = (places.get(parent)?.place ?? 0) + 1
      places.set(columns.id[row] ?? 0n, { parent, place })
    }
  }
  await reader.close()
  return places
}

test.skipIf(target === undefined)(
  'what prompts share by their blocks is what the server finds in its cache (needs TRACE_VLLM_URL)',
  async () => {
    const client = new HttpClient()
    const recorder = await startRecorder(Number(new URL(target ?? '').port), {
      blocks: 'engine',
      tokenizeRate: '50',
    })
    const before = await cacheFacts(client)
    // No run before this one can have left anything of it in the cache.
    const words = (count: number, name: string) =>
      Array.from({ length: count }, (_unused, index) => `${name} ${index}`).join(' ')
    const system = `${randomUUID()} ${words(300, 'rule')}`
    const ask = async (user: string, more: object = {}) => {
      const messages = [
        { role: 'system', content: system },
        { role: 'user', content: user },
      ]
      await fetch(`http://127.0.0.1:${recorder.port}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'tiny', max_tokens: 1, messages, ...more }),
      }).then(async (answer) => answer.text())
    }
    for (const count of [10, 200, 400, 400]) await ask(words(count, 'question'))
    await ask(words(400, 'question'), { cache_salt: 'apart' })
    await ask(words(10, 'other'))
    const after = await cacheFacts(client)
    await recorder.stop()
    const rows = await rowsOf(recorder.directory)
    const places = await placesOf(recorder.directory)
    recorder.remove()
    await client.close()

    const known = new Set<bigint>()
    let predicted = 0
    for (const { prefixLeaf, promptTokens } of rows) {
      let shared = 0
      for (let id = prefixLeaf ?? 0n; id !== 0n; id = places.get(id)?.parent ?? 0n) {
        if (known.has(id)) shared = Math.max(shared, places.get(id)?.place ?? 0)
        known.add(id)
      }
      const { blockTokens } = after
      // The last token of a prompt is always computed anew.
      const most = Math.floor(((promptTokens ?? 1) - 1) / blockTokens) * blockTokens
      predicted += Math.min(most, Math.floor((shared * BLOCK_TOKENS) / blockTokens) * blockTokens)
    }
    expect(rows.map(({ prefixLeaf }) => prefixLeaf === null)).toEqual(rows.map(() => false))
    expect(predicted).toBeGreaterThan(1_000)
    expect(after.hits - before.hits).toBe(predicted)
  },
)
