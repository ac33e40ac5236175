/** Formats of agents with 64-bit ids and dependency graphs: Dynamo, agentic Mooncake, SATF, OpenTelemetry. */
import { describe, expect, test } from 'vitest'
import {
  hasSharedTraces,
  importFile,
  importText,
  SHARED_TRACES,
  type Imported,
} from '../support/import-rows.ts'

const dependenciesOf = ({ rows }: Imported, seq: number) =>
  JSON.parse(rows[seq]?.dependencies ?? '[]') as unknown

describe('Dynamo request trace', () => {
  const event = (id: string, fields: object, agent: object | null = null, hashes = '[1,2,3]') =>
    JSON.stringify({
      schema: 'dynamo.request.trace.v1',
      event_type: 'request_end',
      event_time_unix_ms: 1,
      ...(agent === null ? {} : { agent_context: agent }),
      request: {
        request_id: id,
        output_tokens: 4,
        total_time_ms: 200,
        replay: { trace_block_size: 4, input_length: 10, input_sequence_hashes: 'HASHES' },
        ...fields,
      },
    }).replace('"HASHES"', hashes)

  test('u64 hashes survive JSON: two that a double cannot tell apart are two blocks', async () => {
    const { blocks } = await importText(
      `${event('a', { request_received_ms: 5 }, null, '[14643705804678351452,2,3]')}\n` +
        `${event('b', { request_received_ms: 6 }, null, '[14643705804678351453,2,3]')}\n`,
    )
    expect(blocks).toHaveLength(6)
  })

  test('ids are renumbered: a hash that anyone can compute of a known prompt is not in the trace', async () => {
    const { blocks } = await importText(
      `${event('a', { request_received_ms: 5 }, null, '[14643705804678351452,4945711292740353085,1450562244474778881]')}\n`,
    )
    const ids = blocks.map(({ id }) => id)
    expect(ids).not.toContain(14643705804678351452n)
    expect(blocks.map(({ tokens }) => tokens)).toEqual([4, 4, 2])
  })

  test('rows may be wrapped; tool events are passed over; repeated and uncovered rows are faults', async () => {
    const wrapped = `{"timestamp":1,"event":${event('a', { request_received_ms: 5 })}}`
    const tool = '{"schema":"dynamo.request.trace.v1","event_type":"tool_start"}'
    const { rows, summary } = await importText(
      [
        wrapped,
        tool,
        event('a', { request_received_ms: 6 }),
        event('b', { request_received_ms: 7 }, null, '[1,2]'),
        event('c', { request_received_ms: 7, output_tokens: undefined }),
        event('d', { request_received_ms: 7 }).replace('request_end', 'other'),
      ].join('\n'),
    )
    expect(rows).toHaveLength(1)
    expect(summary.faults.map(({ reason }) => reason)).toEqual([
      'request_id is not unique',
      'input_sequence_hashes do not cover input_length',
      'output_tokens is missing',
      'the event is of no known type',
    ])
  })

  test('sessions give spawn, join and sequence, as the tool that wrote them derives them', async () => {
    const imported = await importText(
      [
        event('r1', { request_received_ms: 1_000 }, { session_id: 'root' }),
        event(
          'c1',
          { request_received_ms: 1_100 },
          { session_id: 'child', parent_session_id: 'root' },
        ),
        event('r2', { request_received_ms: 1_500 }, { session_id: 'root' }),
      ].join('\n'),
    )
    expect(dependenciesOf(imported, 1)).toEqual([
      { seq: 0, trigger: 'dispatch', relation: 'spawn', delayUs: 100_000 },
    ])
    expect(dependenciesOf(imported, 2)).toEqual([
      { seq: 1, trigger: 'end', relation: 'join', delayUs: 200_000 },
      { seq: 0, trigger: 'end', relation: 'sequence', delayUs: 300_000 },
    ])
  })
})

describe('agentic Mooncake v2', () => {
  const HEADER =
    '{"schema":"dynamo.agentic_mooncake","version":2,"block_size":4,"hash_id_scope":"local","source":{}}'
  const row = (fields: object) =>
    JSON.stringify({ input_length: 10, output_length: 4, hash_ids: [0, 1, 2], ...fields })

  test('several parents, spawn and join survive', async () => {
    const imported = await importText(
      [
        HEADER,
        row({ request_id: 'r1', session_id: 'r', not_before_ms: 0, dependencies: [] }),
        row({
          request_id: 'c1',
          session_id: 'c',
          not_before_ms: 100,
          dependencies: [
            { request_id: 'r1', trigger: 'dispatch', delay_ms: 100, relation: 'spawn' },
          ],
        }),
        row({
          request_id: 'r2',
          session_id: 'r',
          not_before_ms: 500,
          dependencies: [
            { request_id: 'c1', trigger: 'completion', delay_ms: 200, relation: 'join' },
            { request_id: 'r1', trigger: 'completion', delay_ms: 300, relation: 'sequence' },
          ],
        }),
      ].join('\n'),
    )
    expect(imported.rows.map(({ turn }) => turn)).toEqual([0, 0, 1])
    expect(dependenciesOf(imported, 2)).toEqual([
      { seq: 1, trigger: 'end', relation: 'join', delayUs: 200_000 },
      { seq: 0, trigger: 'end', relation: 'sequence', delayUs: 300_000 },
    ])
    expect(imported.rows[2]?.parentSeq).toBe(0)
  })

  test('another version is refused by number', async () => {
    await expect(importText(`${HEADER.replace('2,', '1,')}\n`)).rejects.toThrow('version 1')
  })
})

describe('SATF', () => {
  const call = (id: string, fields: object = {}) => ({
    id,
    kind: 'llm_infer',
    duration_us: 1_000,
    payload: { input_tokens_total: 10, output_tokens: 4, kv_block_ids: [1, 2, 3] },
    ...fields,
  })
  const file = (nodes: object[], edges: object[]) =>
    JSON.stringify({
      format: 'satf',
      format_version: '2.0.0',
      time_base: 'us',
      block_size_tokens: 4,
      sessions: [{ session_id: 's', nodes, edges }],
    })

  test('tool calls between two model calls fold into the delay', async () => {
    const imported = await importText(
      file(
        [
          call('a', { min_start_delay_us: 50 }),
          { id: 't', kind: 'tool_call', payload: { tool_name: 'x' } },
          { id: 'u', kind: 'tool_result', duration_us: 700, payload: { tool_call_id: 't' } },
          call('b'),
        ],
        [
          { from: 'a', to: 't', delay_after_predecessor_us: 10 },
          { from: 't', to: 'u' },
          { from: 'u', to: 'b', delay_after_predecessor_us: 5 },
        ],
      ),
    )
    expect(imported.rows.map(({ atUs }) => atUs)).toEqual([0, 1_715])
    expect(dependenciesOf(imported, 1)).toEqual([
      { seq: 0, trigger: 'end', relation: 'sequence', delayUs: 715 },
    ])
  })

  test('a call that waits for two others has both as parents', async () => {
    const imported = await importText(
      file(
        [call('a'), call('b'), call('c')],
        [
          { from: 'a', to: 'c' },
          { from: 'b', to: 'c', delay_after_predecessor_us: 9 },
        ],
      ),
    )
    expect(dependenciesOf(imported, 2)).toHaveLength(2)
    expect(imported.rows[2]?.atUs).toBe(1_009)
  })

  test('a cycle is refused, not walked for ever', async () => {
    const cyclic = file(
      [call('a'), call('b')],
      [
        { from: 'a', to: 'b' },
        { from: 'b', to: 'a' },
      ],
    )
    await expect(importText(cyclic)).rejects.toThrow('the graph has a cycle')
  })

  test('first token and queue delay come along', async () => {
    const { rows } = await importText(
      file(
        [call('a', { performance_metrics: { time_to_first_token_us: 300, queue_delay_us: 20 } })],
        [],
      ),
    )
    expect(rows[0]).toMatchObject({ ttftUs: 300, serverQueueUs: 20, e2eUs: 1_000 })
  })
})

describe('OpenTelemetry', () => {
  test.skipIf(!hasSharedTraces)('a fan-in has every branch as a parent', async () => {
    const imported = await importFile(
      `${SHARED_TRACES}inference-perf/otel/fan_in_dependencies.json`,
    )
    const parents = imported.rows.map(
      (_, seq) => (dependenciesOf(imported, seq) as unknown[]).length,
    )
    expect(Math.max(...parents)).toBeGreaterThan(1)
  })

  test.skipIf(!hasSharedTraces)(
    'usage, where it stands in the span, is taken as it is',
    async () => {
      const { rows } = await importFile(
        `${SHARED_TRACES}inference-perf/otel/prefix_sharing_example.json`,
      )
      expect(rows).toHaveLength(7)
      expect(rows[2]).toMatchObject({ promptTokens: 100, outputTokens: 50, tokenSource: 'server' })
    },
  )

  test('OTLP JSON has typed values and nanoseconds in text', async () => {
    const span = (id: string, start: string, end: string, operation: string) => ({
      traceId: 't',
      spanId: id,
      name: 'chat',
      startTimeUnixNano: start,
      endTimeUnixNano: end,
      attributes: [
        { key: 'gen_ai.operation.name', value: { stringValue: operation } },
        { key: 'gen_ai.usage.input_tokens', value: { intValue: '12' } },
        { key: 'gen_ai.usage.output_tokens', value: { intValue: '5' } },
      ],
      status: { code: 2 },
    })
    const spans = [
      span('a', '1753780607550317897', '1753780608550317897', 'chat'),
      span('b', '1753780608550317897', '1753780608650317897', 'execute_tool'),
    ]
    const { rows, summary } = await importText(
      JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }),
    )
    expect(rows).toMatchObject([
      { promptTokens: 12, outputTokens: 5, e2eUs: 1_000_000, outcome: 'http_error' },
    ])
    expect(summary.notes).toContain('spans that are no model calls: 1')
  })

  /** As vLLM 0.32 writes it with --otlp-traces-endpoint: no operation, no model. */
  const ofVllm = (id: string, parentSpanId = '') => ({
    traceId: 't',
    spanId: id,
    parentSpanId,
    name: 'llm_request',
    startTimeUnixNano: '1753780607550317897',
    endTimeUnixNano: '1753780608450317897',
    attributes: [
      { key: 'gen_ai.latency.time_to_first_token', value: { doubleValue: 0.12 } },
      { key: 'gen_ai.latency.e2e', value: { doubleValue: 0.9 } },
      { key: 'gen_ai.latency.time_in_queue', value: { doubleValue: 0.01 } },
      { key: 'gen_ai.latency.time_in_model_prefill', value: { doubleValue: 0.1 } },
      { key: 'gen_ai.latency.time_in_model_decode', value: { doubleValue: 0.78 } },
      { key: 'gen_ai.usage.prompt_tokens', value: { intValue: '120' } },
      { key: 'gen_ai.usage.completion_tokens', value: { intValue: '20' } },
      { key: 'gen_ai.request.id', value: { stringValue: 'cmpl-7-0' } },
      { key: 'gen_ai.request.n', value: { intValue: '1' } },
      { key: 'gen_ai.request.max_tokens', value: { intValue: '20' } },
    ],
  })
  const otlp = (...spans: object[]) =>
    `${JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] })}\n`

  test("vLLM's own spans are requests, with the server's figures", async () => {
    const { rows } = await importText(otlp(ofVllm('a')) + otlp(ofVllm('b')))
    const row = {
      endpoint: 'completions',
      promptTokens: 120,
      outputTokens: 20,
      maxTokens: 20,
      n: 1,
      tokenSource: 'server',
      ttftUs: 120_000,
      e2eUs: 900_000,
      serverQueueUs: 10_000,
      serverTtftUs: 100_000,
      serverGenerateUs: 780_000,
    }
    expect(rows).toMatchObject([row, row])
  })

  test("a span of vLLM's below its client's is the same request, also behind a proxy", async () => {
    const client = {
      ...ofVllm('client'),
      attributes: [{ key: 'gen_ai.operation.name', value: { stringValue: 'chat' } }],
    }
    const proxy = { ...ofVllm('proxy', 'client'), attributes: [] }
    const { rows } = await importText(otlp(client, proxy, ofVllm('server', 'proxy')))
    expect(rows).toHaveLength(1)
  })

  test('a span of a console exporter keeps its ids and its status apart', async () => {
    const span = {
      name: 'chat',
      context: { trace_id: '0x1', span_id: '0x2' },
      parent_id: null,
      start_time: '2026-11-20T10:00:00.123456Z',
      end_time: '2026-11-20T10:00:00.923456Z',
      status: { status_code: 'ERROR' },
      attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': 12 },
    }
    const pretty = JSON.stringify(span, null, 4)
    const { rows } = await importText(pretty)
    expect(rows).toMatchObject([{ promptTokens: 12, e2eUs: 800_000, outcome: 'http_error' }])
    await expect(importText(`${pretty}\n${pretty}\n`)).rejects.toMatchObject({
      message: '- is not one JSON document',
      hint: expect.stringContaining('jq -s .') as string,
    })
  })
})
