/** `trace replay --otlp`: what a receiver of OpenTelemetry gets, over real sockets. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { otlpRun } from '../support/otlp-run.ts'
import { OtlpSink } from '../support/otlp-sink.ts'

const COUNT = 40

/** A server that streams three tokens, and keeps the trace context of each request that it was asked. */
async function withServer<T>(work: (url: string, contexts: string[]) => Promise<T>): Promise<T> {
  const contexts: string[] = []
  const server = createServer((request, response) => {
    if (request.method === 'GET' && request.url === '/v1/models') {
      return response.end('{"object":"list","data":[{"id":"tiny","object":"model"}]}')
    }
    if (!request.url?.endsWith('/completions')) return response.writeHead(404).end()
    contexts.push(String(request.headers['traceparent']))
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let token = 0; token < 3; token += 1) {
      const delta = {
        index: 0,
        delta: { content: 'a' },
        text: 'a',
        finish_reason: token === 2 ? 'length' : null,
      }
      response.write(`data: ${JSON.stringify({ model: 'tiny', choices: [delta] })}\n\n`)
    }
    const usage = { prompt_tokens: 20, completion_tokens: 3, total_tokens: 23 }
    return response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, contexts)
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

test('a receiver gets one span of each request, with the ids that the server was told, and the client metrics', async () => {
  const sink = new OtlpSink()
  try {
    const otlp = await sink.listen()
    await withServer(async (target, contexts) => {
      expect(await otlpRun(target, otlp, COUNT)).toContain(`spans   ${COUNT} exported`)
      const asked = contexts.filter((context) => context.endsWith('-01'))
      expect(asked.length).toBe(COUNT)
      const ids = sink.spans.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`)
      expect(ids.toSorted()).toEqual(asked.toSorted())
    })
    for (const { service, kind, startUs, endUs, attributes } of sink.spans) {
      expect([service, kind]).toEqual(['trace', 3])
      expect(endUs - startUs).toBeGreaterThan(0)
      expect(Math.abs(startUs / 1e6 - Date.now() / 1e3)).toBeLessThan(300)
      expect(attributes).toMatchObject({
        'gen_ai.request.model': 'tiny',
        'gen_ai.usage.output_tokens': 3,
        'gen_ai.response.finish_reasons': ['length'],
      })
    }
    const metric = (wanted: string) => sink.metrics.find(({ name }) => name === wanted)
    expect(metric('gen_ai.client.token.usage')).toMatchObject({ count: 2 * COUNT, sum: 23 * COUNT })
    expect(metric('gen_ai.client.operation.duration')?.count).toBe(COUNT)
    expect(metric('gen_ai.client.operation.time_to_first_chunk')?.count).toBe(COUNT)
    expect(metric('gen_ai.client.operation.time_per_output_chunk')?.count).toBe(2 * COUNT)
  } finally {
    sink.close()
  }
})
