/** What gateways, proxies and load generators leave: LiteLLM, gateway CSV, SageMaker, HAR, access logs, results. */
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeChunkTimes } from '../../src/trace/chunk-times.ts'
import { importFile, importText, SHARED_TRACES } from '../support/import-rows.ts'

const text = (rows: unknown) =>
  JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))

describe('LiteLLM spend logs', () => {
  const entry = (fields: object) => ({
    startTime: '2026-11-20T10:00:00.250000Z',
    completionStartTime: '2026-11-20T10:00:00.400000Z',
    endTime: '2026-11-20T10:00:01.000000Z',
    prompt_tokens: 40,
    completion_tokens: 9,
    call_type: 'acompletion',
    status: 'success',
    model_group: 'big',
    session_id: 'u-1',
    metadata: { prefix: { ids: ['00000000000000aa', '00000000000000bb', '00000000000000cc'] } },
    ...fields,
  })
  const list = (...entries: object[]) => JSON.stringify(entries)

  test('the ids are keyed already: kept, so that two logs can be joined; the block size is found', async () => {
    const { blocks, summary } = await importText(list(entry({})))
    expect(blocks).toEqual([
      { id: 0xaan, parent: null, tokens: 16 },
      { id: 0xbbn, parent: 0xaan, tokens: 16 },
      { id: 0xccn, parent: 0xbbn, tokens: 8 },
    ])
    expect(summary.header.hashing?.blockTokens).toBe(16)
  })

  test('without ids it says so; ids that match no block size have no length', async () => {
    const { summary } = await importText(list(entry({ metadata: {} })))
    expect(summary.notes.join()).toContain('no prefix block ids')
    const odd = await importText(list(entry({}), entry({ prompt_tokens: 4_000 })))
    expect(odd.summary.header.hashing?.blockTokens).toBeNull()
  })

  test('a session id is a session only if it repeats', async () => {
    const { rows } = await importText(
      list(entry({}), entry({ session_id: 'u-2' }), entry({ session_id: 'u-2' })),
    )
    expect(rows.map(({ session }) => (session ?? null) !== null)).toEqual([false, true, true])
  })

  test('a first token written at the end means that the call was not streamed', async () => {
    const end = '2026-11-20T10:00:01.000000Z'
    const { rows } = await importText(list(entry({}), entry({ completionStartTime: end })))
    expect(rows.map(({ ttftUs }) => ttftUs ?? null)).toEqual([150_000, null])
  })

  test('cache answers and embeddings are left out, failures stay, nobody is named', async () => {
    const { rows, summary } = await importText(
      list(
        entry({ cache_hit: 'True' }),
        entry({ call_type: 'aembedding' }),
        entry({
          status: 'failure',
          completion_tokens: 0,
          user: 'jane@example.org',
          api_key: 'hash',
        }),
      ),
    )
    expect(rows).toMatchObject([{ outcome: 'http_error', outputTokens: 0 }])
    expect(summary.faults.map(({ count }) => count)).toEqual([1, 1])
    expect(text(rows)).not.toContain('jane')
  })

  test('a CSV export with line breaks inside quotes is one record a call', async () => {
    const csv =
      'startTime,endTime,prompt_tokens,completion_tokens,call_type,status,metadata\n' +
      '2026-11-20 10:00:00.250+00,2026-11-20 10:00:01+00,40,9,acompletion,success,"{""a"":\n1}"\n'
    const { rows, summary } = await importText(csv)
    expect(rows).toMatchObject([{ promptTokens: 40, e2eUs: 750_000 }])
    expect(summary.faults).toEqual([])
  })
})

describe('request bodies', () => {
  const body = {
    model: 'm',
    stream: true,
    max_tokens: 50,
    user: 'jane@example.org',
    messages: [{ role: 'user', content: 'the quick brown fox '.repeat(40) }],
  }
  const quoted = (value: unknown) => `"${JSON.stringify(value).replaceAll('"', '""')}"`

  test('a gateway CSV gives sizes, usage and shared blocks; text and names stay behind', async () => {
    const csv =
      'timestamp,request_json,response_json,status_code\n' +
      `1753780607,${quoted(body)},${quoted({ usage: { prompt_tokens: 170, completion_tokens: 8 }, choices: [{ finish_reason: 'stop' }] })},200\n` +
      `1753780609.5,${quoted(body)},,500\n`
    const { rows, blocks } = await importText(csv)
    expect(rows).toMatchObject([
      { atUs: 0, promptTokens: 170, outputTokens: 8, finishReason: 'stop', outcome: 'ok' },
      { atUs: 2_500_000, outcome: 'http_error', status: 500, tokenSource: 'estimate' },
    ])
    expect(rows[0]).toMatchObject({ maxTokens: 50, endpoint: 'chat' })
    expect(rows[0]?.prefixLeaf).toBe(rows[1]?.prefixLeaf)
    expect(blocks.length).toBeGreaterThan(2)
    expect(text(rows)).not.toMatch(/fox|jane/)
  })

  test('SageMaker captures may be plain or in base64', async () => {
    const capture = (encoding: string, data: string) =>
      JSON.stringify({
        captureData: {
          endpointInput: { data, encoding, mode: 'INPUT' },
          endpointOutput: {
            data: '{"usage":{"prompt_tokens":9,"completion_tokens":2}}',
            encoding: 'JSON',
          },
        },
        eventMetadata: { inferenceTime: '2026-11-20T10:00:00Z' },
      })
    const json = JSON.stringify(body)
    const { rows } = await importText(
      `${capture('JSON', json)}\n${capture('BASE64', Buffer.from(json).toString('base64'))}\n`,
    )
    expect(rows.map(({ promptTokens, outputTokens }) => [promptTokens, outputTokens])).toEqual([
      [9, 2],
      [9, 2],
    ])
  })

  test('HAR: only requests to a model, usage from the end of a stream, no headers', async () => {
    const entry = (url: string) => ({
      startedDateTime: '2026-11-20T10:00:00.100Z',
      time: 500,
      request: {
        method: 'POST',
        url,
        headers: [{ name: 'authorization', value: 'Bearer secret' }],
        postData: { mimeType: 'application/json', text: JSON.stringify(body) },
      },
      response: {
        status: 200,
        content: {
          size: 900,
          text:
            'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"length"}]}\n\n' +
            'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\ndata: [DONE]\n\n',
        },
      },
      timings: { connect: -1, send: 1.5, wait: 20, receive: 400.25 },
    })
    const { rows, summary } = await importText(
      JSON.stringify({
        log: {
          version: '1.2',
          creator: { name: 'x' },
          entries: [entry('http://h/v1/chat/completions?a=b'), entry('http://h/style.css')],
        },
      }),
    )
    expect(rows).toMatchObject([
      {
        promptTokens: 7,
        outputTokens: 3,
        finishReason: 'length',
        uploadUs: 1_500,
        headersUs: 20_000,
        e2eUs: 420_250,
      },
    ])
    expect(summary.notes.join()).toContain('entries that are no requests to a model: 1')
    expect(text(rows)).not.toMatch(/secret|fox/)
  })
})

describe('access logs', () => {
  test('Envoy: start, sizes, duration; a status of 0 is a hang-up', async () => {
    const line = (start: string, status: number) =>
      `[${start}] "POST /v1/chat/completions HTTP/1.1" ${status} - 4000 25000 1500 9 "-" "curl" "id" "host" "10.0.0.1:8000"\n`
    const { rows } = await importText(
      line('2026-11-20T10:00:00.100Z', 200) + line('2026-11-20T10:00:00.350Z', 0),
    )
    expect(rows).toMatchObject([
      {
        atUs: 0,
        requestBytes: 4_000,
        e2eUs: 1_500_000,
        promptTokens: 1_000,
        tokenSource: 'estimate',
      },
      { atUs: 250_000, outcome: 'client_abort' },
    ])
  })

  test('nginx writes at the end of a request: its arrival is the time less the duration', async () => {
    const line = (second: string, status: number, seconds: string) =>
      `10.0.0.1 - - [20/Nov/2026:10:00:${second} +0000] "POST /v1/completions HTTP/1.1" ${status} 900 "-" "curl/8" 480 ${seconds}\n`
    const { rows, summary } = await importText(line('02', 200, '1.500') + line('03', 499, '2.750'))
    expect(rows.map(({ atUs }) => atUs)).toEqual([0, -250_000])
    expect(summary.shiftUs).toBe(250_000)
    expect(rows[1]).toMatchObject({
      outcome: 'client_abort',
      endpoint: 'completions',
      requestBytes: 480,
    })
  })

  test('JSON logs of both are told apart by their names', async () => {
    const { rows } = await importText(
      '{"start_time":"2026-11-20T10:00:00.000Z","method":"POST","path":"/v1/chat/completions","response_code":503,"bytes_received":"40","bytes_sent":"9","duration":"12"}\n' +
        '{"time_iso8601":"2026-11-20T10:00:09+00:00","request_method":"POST","request_uri":"/v1/messages","status":"200","request_length":"400","body_bytes_sent":"2500","request_time":"4.000"}\n',
    )
    expect(rows).toMatchObject([
      { outcome: 'http_error', status: 503 },
      { atUs: 5_000_000, endpoint: 'messages', outputTokens: 10 },
    ])
  })

  test("JSON under the names of nginx's variables: any of its times, the request in one or in two", async () => {
    const sizes = { status: '200', request_length: '400', body_bytes_sent: '9', request_time: '2' }
    const [method, path] = ['POST', '/v1/completions']
    const forms = [
      { time_iso8601: '2026-11-20T10:00:00+00:00', request_method: method, request_uri: path },
      { msec: '1795168800.250', request: `${method} ${path} HTTP/1.1` },
      { time_local: '20/Nov/2026:10:00:01 +0000', request: `${method} ${path} HTTP/1.1` },
    ]
    const lines = forms.map((form) => JSON.stringify({ ...form, ...sizes }))
    const { rows, summary } = await importText(lines.join('\n'))
    expect(summary.faults).toEqual([])
    expect(rows.map(({ atUs, endpoint }) => [atUs, endpoint])).toEqual([
      [0, 'completions'],
      [250_000, 'completions'],
      [1_000_000, 'completions'],
    ])
  })
})

describe('results of other load generators', () => {
  const bench = `${SHARED_TRACES}../vllm/bench/bench-random.json`

  test.skipIf(!existsSync(bench))('vllm bench serve: every chunk has its time', async () => {
    const { rows, summary } = await importFile(bench)
    expect(rows).toHaveLength(20)
    expect(summary.header.kind).toBe('replayed')
    expect(rows[0]).toMatchObject({ promptTokens: 252, outputTokens: 40, ttftUs: 25_396 })
    const times = decodeChunkTimes(rows[0]?.chunkTimes ?? new Uint8Array())
    expect(times[0]).toBe(25_396)
    expect(times.at(-1)).toBe(rows[0]?.e2eUs)
  })

  test('AIPerf: due and sent, tokens of the server, cancelled requests; warm-up is left out', async () => {
    const line = (metadata: object, metrics: object = {}) =>
      JSON.stringify({
        metadata: {
          credit_issued_ns: 1,
          request_start_ns: 2,
          benchmark_phase: 'profiling',
          was_cancelled: false,
          ...metadata,
        },
        metrics,
      })
        .replace('"credit_issued_ns":1', '"credit_issued_ns":1753780607550317897')
        .replace('"request_start_ns":2', '"request_start_ns":1753780607551317897')
    const { rows } = await importText(
      [
        line({ benchmark_phase: 'warmup' }),
        line(
          { conversation_id: 'c', turn_index: 1 },
          {
            usage_prompt_tokens: { value: 12, unit: 'tokens' },
            output_sequence_length: { value: 5, unit: 'tokens' },
            time_to_first_token: { value: 12.5, unit: 'ms' },
            request_latency: { value: 80, unit: 'ms' },
          },
        ),
        line({ was_cancelled: true }),
      ].join('\n'),
    )
    expect(rows).toMatchObject([
      { lagUs: 1_000, promptTokens: 12, outputTokens: 5, ttftUs: 12_500, e2eUs: 80_000, turn: 1 },
      { outcome: 'client_abort' },
    ])
  })

  test('GuideLLM: requests of all three groups, due at their targeted start', async () => {
    const request = (start: number) => ({
      request_id: 'x',
      info: {
        timings: {
          targeted_start: start,
          request_start: start + 0.002,
          first_token_iteration: start + 0.05,
          last_token_iteration: start + 0.5,
        },
      },
      input_metrics: { text_tokens: 20 },
      output_metrics: { text_tokens: 6 },
    })
    const { rows } = await importText(
      JSON.stringify({
        metadata: { version: 1, guidellm_version: '0.8.1' },
        benchmarks: [
          { requests: { successful: [request(100)], incomplete: [request(101)], errored: [] } },
        ],
      }),
    )
    expect(rows).toMatchObject([
      { atUs: 0, lagUs: 2_000, ttftUs: 48_000, e2eUs: 498_000, promptTokens: 20, outcome: 'ok' },
      { atUs: 1_000_000, outcome: 'client_abort' },
    ])
  })

  test('inference-perf: token times are kept, an error is one', async () => {
    const { rows } = await importText(
      JSON.stringify([
        {
          start_time: 10.5,
          end_time: 11.5,
          request: '{}',
          info: { input_tokens: 9, output_tokens: 2, output_token_times: [10.6, 11.5] },
          error: null,
        },
        { start_time: 12, end_time: 12.1, info: null, error: { error_type: 'x' } },
      ]),
    )
    expect(rows).toMatchObject([
      { promptTokens: 9, outputTokens: 2, ttftUs: 100_000, e2eUs: 1_000_000, outcome: 'ok' },
      { outcome: 'http_error' },
    ])
  })

  test('inference-sim keeps arrival, send and chunk times, its YAML header is passed over', async () => {
    const columns =
      'request_id,client_id,tenant_id,slo_class,session_id,round_index,prefix_group,prefix_length,streaming,' +
      'input_tokens,output_tokens,text_tokens,image_tokens,audio_tokens,video_tokens,reason_ratio,model,' +
      'deadline_us,server_input_tokens,arrival_time_us,send_time_us,first_chunk_time_us,last_chunk_time_us,' +
      'num_chunks,status,error_message,finish_reason\n'
    const row = (id: number, group: string, arrival: number, status: string) =>
      `${id},c,t,,s,0,${group},32,true,100,10,100,0,0,0,0.5,m,0,104,${arrival},${arrival + 50},${arrival + 1_050},${arrival + 9_050},10,${status},,stop\n`
    const { rows, blocks } = await importText(
      `trace_version: 2\ntime_unit: us\nmode: real\n${columns}${row(0, 'g', 1_000, 'ok')}${row(1, 'g', 2_000, 'timeout')}`,
    )
    expect(rows).toMatchObject([
      { atUs: 0, lagUs: 50, ttftUs: 1_000, e2eUs: 9_000, promptTokens: 104, reasoningTokens: 5 },
      { atUs: 1_000, outcome: 'timeout' },
    ])
    expect(rows[0]?.prefixLeaf).toBe(rows[1]?.prefixLeaf)
    expect(blocks).toMatchObject([{ tokens: 32 }])
  })
})

describe('hostile input', () => {
  test('a quote that is never closed is one fault, not a record of the whole file', async () => {
    const csv = `seq,at_us,endpoint,label\n0,0,chat,"open\n${'1,1,chat,x\n'.repeat(50)}`
    const { rows, summary } = await importText(csv, { format: 'csv' })
    expect(rows).toEqual([])
    expect(summary.faults).toMatchObject([{ reason: 'a quote is not closed', count: 1 }])
  })

  test('lengths that are lies cost no memory: a turn adds a bounded number of blocks', async () => {
    const header =
      'session_id,round_idx,arrival_time_ms,prefix_len,input_len,output_len,tool_wait_after_ms\n'
    const rows = Array.from({ length: 20 }, (_, turn) => `0,${turn},0,999999999,999999999,1,0\n`)
    const { blocks } = await importText(header + rows.join(''))
    expect(blocks.length).toBeLessThanOrEqual(20 * 2 * 4_096)
  })

  test('names of Object are no operations, calls or states', async () => {
    const call =
      '{"startTime":"2026-11-20T10:00:00Z","endTime":"2026-11-20T10:00:01Z","prompt_tokens":1,"completion_tokens":1,"call_type":"constructor"}\n'
    const { rows } = await importText(call)
    expect(rows).toEqual([])
  })
})
