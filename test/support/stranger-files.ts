/** Small files of many formats, and the ways in which other people's tools write the same rows. */
import { gzipSync, zstdCompressSync } from 'node:zlib'

type Table = readonly (readonly string[])[]
type Json = Readonly<Record<string, unknown>>

const split = (text: string): Table =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim().split('|'))

/** Header and rows, the fields separated by a bar. */
export const TABLES: Readonly<Record<string, Table>> = {
  azure: split(`TIMESTAMP|ContextTokens|GeneratedTokens
    2023-11-16 18:15:46.6805900|374|44
    2023-11-16 18:15:50.9951690|396|109`),
  burstgpt: split(`Timestamp|Session ID|Elapsed time|Model|Request tokens|Response tokens|Log Type
    19440110.0|1722|43|GPT-4|906|446|Conversation log
    19440161.0||2|ChatGPT|36|29|API log
    19440192.0|1722|2|ChatGPT|36|0|Conversation log`),
  vidur: split('arrived_at|num_prefill_tokens|num_decode_tokens\n0.0|4808|10\n0.052|3180|8'),
  splitwise:
    split(`request_id|request_type|application_id|arrival_timestamp|batch_size|prompt_size|token_size
    0|2|0|1|1|4096|32
    1|2|1|3|1|2048|8`),
  'session-csv':
    split(`session_id|round_idx|arrival_time_ms|prefix_len|input_len|output_len|tool_wait_after_ms
    0|0|0.0|0|640|157|2672.0
    0|1|0.0|700|1724|91|50.0
    7|0|5.0|0|533|79|60.0`),
  'inference-sim':
    split(`request_id|client_id|tenant_id|session_id|round_index|prefix_group|prefix_length|streaming|input_tokens|output_tokens|reason_ratio|model|server_input_tokens|arrival_time_us|send_time_us|first_chunk_time_us|last_chunk_time_us|num_chunks|status|finish_reason
    0|c|t|s|0|g|32|true|100|10|0.5|m|104|1000|1050|2050|10050|10|ok|stop
    1|c|t|s|1|g|32|true|100|10|0.5|m|104|2000|2050|3050|11050|10|timeout|stop`),
  litellm:
    split(`startTime|endTime|prompt_tokens|completion_tokens|call_type|status|session_id|metadata
    2026-11-20T10:00:00.250+00:00|2026-11-20T10:00:01+00:00|40|9|acompletion|success|5|{"a":1}
    2026-11-20T10:00:01.250+00:00|2026-11-20T10:00:02+00:00|41|9|acompletion|failure|5|{"a":1}`),
  trafficlens: split(`timestamp|request_json|response_json|status_code
    1753780607|{"messages":[{"role":"user","content":"a, b"}]}|{"usage":{"prompt_tokens":170,"completion_tokens":8}}|200
    1753780609.5|{"messages":[{"role":"user","content":"a, b"}]}||500`),
  'llmservingsim-tsv': split('input_toks|output_toks|arrival_time_ns\n10|5|1000000\n11|6|2000000'),
}

/** One object a line. */
export const RECORDS: Readonly<Record<string, readonly Json[]>> = {
  mooncake: [
    { session_id: 5, timestamp: 0, input_length: 1000, output_length: 6, hash_ids: [10, 11] },
    { session_id: 5, delay: 500, input_length: 1025, output_length: 7, hash_ids: [10, 11, 12] },
    { timestamp: 3000, input_length: 400, output_length: 8, hash_ids: [15] },
  ],
  bailian: [
    {
      chat_id: 159,
      parent_chat_id: -1,
      timestamp: 61.125,
      input_length: 21,
      output_length: 132,
      hash_ids: [1089, 1090],
    },
    {
      chat_id: 160,
      parent_chat_id: 159,
      timestamp: 71.5,
      input_length: 40,
      output_length: 13,
      hash_ids: [1089, 1090, 3],
    },
  ],
  ragpulse: ['82', '93'].map((timestamp) => ({
    timestamp,
    input_length: 3112,
    output_length: 192,
    hash_ids: {
      sys_prompt: [8302],
      passages_ids: [7398],
      history: [15200],
      web_search: [],
      user_input: [26923],
    },
    session_id: 1757,
  })),
  lmcache: [1753780607550317, 1753780609550317].map((timestamp) => ({
    timestamp,
    session_id: 1,
    input: 'hello '.repeat(90),
    output: 'yes',
  })),
  llmservingsim: [
    { input_toks: 10, output_toks: 5, arrival_time_ns: 1000000 },
    { input_toks: 11, output_toks: 5, arrival_time_ns: 3000000 },
  ],
  aibrix: [
    {
      timestamp: 0,
      requests: [
        { 'Prompt Length': 10, 'Output Length': 5, session_id: 4 },
        { prompt_length: 12, output_length: null },
      ],
    },
  ],
  dynamo: [1000, 2000].map((ms) => ({
    schema: 'dynamo.request.trace.v1',
    event_type: 'request_end',
    request: {
      request_id: ms,
      request_received_ms: ms,
      output_tokens: 4,
      total_time_ms: 200,
      replay: { trace_block_size: 4, input_length: 10, input_sequence_hashes: [1, 2, 3] },
    },
    agent_context: { session_id: 4 },
  })),
  'agentic-mooncake': [
    { schema: 'dynamo.agentic_mooncake', version: 2, block_size: 4, hash_id_scope: 'local' },
    {
      request_id: 1,
      session_id: 2,
      not_before_ms: 0,
      dependencies: [],
      input_length: 10,
      output_length: 4,
      hash_ids: [6, 7, 8],
    },
    {
      request_id: 3,
      session_id: 2,
      not_before_ms: 500,
      dependencies: [{ request_id: 1, trigger: 'completion', delay_ms: 200, relation: 'sequence' }],
      input_length: 10,
      output_length: 4,
      hash_ids: [6, 7, 8],
    },
  ],
  'weka-lines': [
    {
      id: 9,
      block_size: 64,
      hash_id_scope: 'local',
      requests: [
        { t: 0, type: 'n', model: 'm', in: 130, out: 5, hash_ids: [1, 2], api_time: 2.5 },
        {
          t: 9,
          type: 'n',
          model: 'm',
          in: 140,
          out: 5,
          hash_ids: [1, 2],
          api_time: 2.5,
          think_time: 6.5,
        },
      ],
    },
  ],
  aiperf: [1753780607551317, 1753780608551317].map((us) => ({
    metadata: {
      request_start_ns: us * 1000,
      benchmark_phase: 'profiling',
      conversation_id: 7,
      turn_index: 0,
    },
    metrics: {
      usage_prompt_tokens: { value: 12 },
      output_sequence_length: { value: 5 },
      request_latency: { value: 80 },
    },
  })),
  jsonl: [
    { seq: 0, at_us: 0, endpoint: 'chat', prompt_tokens: 10, output_tokens: 5 },
    { seq: 1, at_us: 1000, endpoint: 'chat', prompt_tokens: 11, output_tokens: 6 },
  ],
}

const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`
const csv = (table: Table, separator = ',') =>
  `${table.map((row) => row.map((field) => (/[",;\t]/.test(field) ? quoted(field) : field)).join(separator)).join('\n')}\n`
const body = (table: Table, change: (field: string) => string): Table =>
  table.map((row, index) => (index === 0 ? row : row.map(change)))
const names = (table: Table, change: (name: string) => string): Table =>
  table.map((row, index) => (index === 0 ? row.map(change) : row))
const isWhole = (field: string) => /^[1-9]\d{0,15}$/.test(field)

type Written = string | Uint8Array

/** What a spreadsheet, pandas or an editor makes of a CSV; the first is how it was. */
export const TABLE_FORMS: Readonly<Record<string, (table: Table) => Written>> = {
  'as it was': (table) => csv(table),
  'with a byte-order mark and CRLF': (table) => `\uFEFF${csv(table).replaceAll('\n', '\r\n')}`,
  'in UTF-16': (table) => Buffer.from(`\uFEFF${csv(table)}`, 'utf16le'),
  'with blank lines, the last one of blanks': (table) =>
    `\n${csv(table).replace('\n', '\n\n')}\n   \n`,
  'below a remark': (table) => `# made by hand\n${csv(table)}`,
  'with every field quoted': (table) => table.map((row) => row.map(quoted).join(',')).join('\n'),
  'separated by semicolons': (table) => csv(table, ';'),
  'separated by tabs': (table) => csv(table, '\t'),
  'with blanks after the commas': (table) => csv(table, ', '),
  'in other columns, and more of them': (table) =>
    csv(table.map((row, index) => ['z', ...row.toReversed(), `x${index}`])),
  'with names in capitals': (table) => csv(names(table, (name) => name.toUpperCase())),
  'with names in small letters': (table) => csv(names(table, (name) => name.toLowerCase())),
  'with counts as floats': (table) =>
    csv(body(table, (field) => (isWhole(field) ? `${field}.0` : field))),
  'with counts as exponents': (table) =>
    csv(body(table, (field) => (isWhole(field) ? Number(field).toExponential() : field))),
  'packed by gzip': (table) => gzipSync(csv(table)),
  'packed by zstd': (table) => zstdCompressSync(csv(table)),
  'as a JSON list': (table) =>
    JSON.stringify(
      table
        .slice(1)
        .map((row) => Object.fromEntries(row.map((field, at) => [table[0]?.[at], field]))),
    ),
}

const lines = (records: readonly Json[]) =>
  records.map((record) => `${JSON.stringify(record)}\n`).join('')
const numbers = (records: readonly Json[], change: (number: number) => string): string =>
  lines(records)
    .split('\n')
    .map((line) => line.replace(/(?<=[:[,])\d+(?=[,\]}])/g, (digits) => change(Number(digits))))
    .join('\n')

export const RECORD_FORMS: Readonly<Record<string, (records: readonly Json[]) => Written>> = {
  'as it was': lines,
  'with a byte-order mark and CRLF': (records) =>
    `\uFEFF${lines(records).replaceAll('\n', '\r\n')}`,
  'with blank lines, the last one of blanks': (records) =>
    `\n${lines(records).replace('\n', '\n\n')}   \n`,
  'with keys in other order, and more of them': (records) =>
    lines(
      records.map((record) => ({
        zz: [{}],
        ...Object.fromEntries(Object.entries(record).toReversed()),
        nil: null,
      })),
    ),
  'with numbers as text': (records) => numbers(records, (number) => `"${number}"`),
  'with whole numbers as floats': (records) => numbers(records, (number) => `${number}.0`),
  'with numbers as exponents': (records) => numbers(records, (number) => number.toExponential()),
  'as a JSON list': (records) => JSON.stringify(records),
  'as a JSON list, indented': (records) => JSON.stringify(records, null, 2),
  'packed by gzip': (records) => gzipSync(lines(records)),
  'packed by zstd': (records) => zstdCompressSync(lines(records)),
}
