/** Spans of a replay and those of a real vLLM that exports to the same receiver. */
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { otlpRun } from '../support/otlp-run.ts'
import { OtlpSink } from '../support/otlp-sink.ts'

const target = process.env['TRACE_VLLM_OTLP_URL'] ?? ''
/** Where that server sends its spans, on this machine. */
const port = Number(process.env['TRACE_VLLM_OTLP_PORT'])
const COUNT = 40

const WAITS = 60

test.skipIf(target === '' || !(port > 0))(
  "each request's span has vLLM's own span as its child, which lies inside it (needs TRACE_VLLM_OTLP_URL of a server with --otlp-traces-endpoint http://127.0.0.1:$TRACE_VLLM_OTLP_PORT/v1/traces)",
  async () => {
    const sink = new OtlpSink()
    try {
      const otlp = await sink.listen(port)
      await otlpRun(target, otlp, COUNT)
      const ofServer = () => sink.spans.filter(({ name }) => name === 'llm_request')
      for (let round = 0; round < WAITS && ofServer().length < COUNT; round += 1) await wait(250)
      const ours = sink.spans.filter(({ service }) => service === 'trace')
      expect(ours).toHaveLength(COUNT)
      for (const span of ours) {
        const children = ofServer().filter(({ parentSpanId }) => parentSpanId === span.spanId)
        expect(children.map(({ traceId }) => traceId)).toEqual([span.traceId])
        expect(children[0]!.startUs).toBeGreaterThanOrEqual(span.startUs)
        expect(children[0]!.endUs).toBeLessThanOrEqual(span.endUs)
        expect(children[0]!.attributes['gen_ai.usage.completion_tokens']).toBe(3)
      }
    } finally {
      sink.close()
    }
  },
)
