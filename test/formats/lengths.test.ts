/** Formats of one length pair a line: BurstGPT, Vidur, splitwise-sim, RAGPulse, AIBrix, LLMServingSim. */
import { describe, expect, test } from 'vitest'
import {
  hasSharedTraces,
  importFile,
  importText,
  SHARED_TRACES,
  total,
} from '../support/import-rows.ts'

const V1 = 'Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n'
const V2 =
  'Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n'

describe('BurstGPT', () => {
  test('v2 inserts columns: they are found by name, not by place', async () => {
    const { rows } = await importText(
      `${V2}19440110.0,s-1,43,GPT-4,906,446,1352,Conversation log\n` +
        '19440161.0,,2,ChatGPT,36,29,65,API log\n',
    )
    expect(rows).toMatchObject([
      { atUs: 0, promptTokens: 906, outputTokens: 446, e2eUs: 43_000_000, model: 'GPT-4' },
      { atUs: 51_000_000, promptTokens: 36, outputTokens: 29 },
    ])
    expect(rows[0]?.session).toMatch(/^[0-9a-f]{16}$/)
  })

  test('a blank session is none, and a session id leaves nothing of itself', async () => {
    const { rows } = await importText(`${V2}1.0,,2,ChatGPT,36,29,65,API log\n`)
    expect(rows[0]?.session ?? null).toBeNull()
  })

  test('times count from the first row, not from the midnight they are given in', async () => {
    const { rows } = await importText(
      `${V1}5,ChatGPT,472,18,490,Conversation log\n45,GPT-4,1087,230,1317,API log\n`,
    )
    expect(rows.map(({ atUs }) => atUs)).toEqual([0, 40_000_000])
  })

  test('rows of 0/0/0 and of no response tokens stay failures', async () => {
    const { rows, summary } = await importText(
      `${V1}5,ChatGPT,0,0,0,Conversation log\n6,GPT-4,12,0,12,API log\n7,GPT-4,12,3,15,API log\n`,
    )
    expect(rows.map(({ outcome }) => outcome)).toEqual(['http_error', 'http_error', 'ok'])
    expect(summary.faults).toEqual([])
  })

  test.skipIf(!hasSharedTraces)('the first rows of release 3 are read whole', async () => {
    const { rows } = await importFile(`${SHARED_TRACES}burstgpt/BurstGPT_3.head4.csv`)
    expect(rows.map(({ promptTokens }) => promptTokens)).toEqual([906, 36, 1779, 935])
  })
})

describe('simulators', () => {
  test.skipIf(!hasSharedTraces)(
    "Vidur's copy of the Azure code trace has the same arrivals and sizes",
    async () => {
      const vidur = await importFile(`${SHARED_TRACES}vidur/splitwise_code.csv`)
      const azure = await importFile(
        `${SHARED_TRACES}azure-llm-2023/AzureLLMInferenceTrace_code.csv`,
      )
      const plain = ({ rows }: typeof vidur) =>
        rows.map((row) => [row.atUs, row.promptTokens, row.outputTokens])
      expect(plain(vidur)).toEqual(plain(azure))
    },
  )

  test('splitwise-sim names its sizes otherwise and counts seconds', async () => {
    const { rows } = await importText(
      'request_id,request_type,application_id,arrival_timestamp,batch_size,prompt_size,token_size\n' +
        '0,2,0,1,1,4096,32\n1,2,0,3,1,2048,8\n',
    )
    expect(rows).toMatchObject([
      { atUs: 0, promptTokens: 4096, outputTokens: 32 },
      { atUs: 2_000_000, promptTokens: 2048, outputTokens: 8 },
    ])
  })

  test('LLMServingSim counts nanoseconds; token ids are dropped', async () => {
    const { rows } = await importText(
      '{"input_toks":10,"output_toks":2,"arrival_time_ns":1500,"input_tok_ids":[1,2]}\n' +
        '{"input_toks":11,"output_toks":2,"arrival_time_ns":2001500}\n',
    )
    expect(rows.map(({ atUs }) => atUs)).toEqual([0, 2_000])
    expect(Object.keys(rows[0] ?? {}).toSorted()).toEqual(
      ['atUs', 'endpoint', 'outputTokens', 'promptTokens', 'seq', 'tokenSource'].toSorted(),
    )
  })

  test('LLMServingSim: prompts whose token ids begin alike share blocks, and no id is kept', async () => {
    const prompt = (from: number, tail: number) => [
      ...Array.from({ length: 40 }, (_, index) => from + index),
      ...Array.from({ length: 24 }, (_, index) => tail + index),
    ]
    const line = (ids: number[], at: number) =>
      `${JSON.stringify({ input_toks: 64, output_toks: 2, arrival_time_ns: at, input_tok_ids: ids })}\n`
    const { rows, blocks, summary } = await importText(
      line(prompt(1_000, 5_000), 0) + line(prompt(1_000, 6_000), 1) + line(prompt(2_000, 5_000), 2),
    )
    expect(rows.map(({ prefixBlocks }) => prefixBlocks)).toEqual([4, 4, 4])
    // 32 of the 40 tokens that are alike fill two whole blocks.
    expect(blocks).toHaveLength(4 + 2 + 4)
    expect(summary.header.hashing).toMatchObject({ blockTokens: 16 })
  })

  test('LLMServingSim as it was first, separated by tabs', async () => {
    const { rows } = await importText(
      'input_toks\toutput_toks\tarrival_time_ns\r\n259\t1\t0\r\n241\t3\t2000000\r\n',
    )
    expect(rows).toMatchObject([
      { atUs: 0, promptTokens: 259, outputTokens: 1 },
      { atUs: 2_000, promptTokens: 241, outputTokens: 3 },
    ])
  })

  test('LLMServingSim sessions become turns that wait for each other', async () => {
    const { rows } = await importText(
      '{"session_id":"a","arrival_time_ns":0,"sub_requests":[' +
        '{"input_toks":10,"output_toks":2,"tool_duration_ns":5000000},' +
        '{"input_toks":30,"output_toks":4,"tool_duration_ns":0}]}\n',
    )
    expect(rows).toMatchObject([
      { turn: 0 },
      {
        turn: 1,
        parentSeq: 0,
        dependencies: '[{"delayUs":5000,"relation":"sequence","seq":0,"trigger":"end"}]',
      },
    ])
  })

  test.skipIf(!hasSharedTraces)(
    'measured runs keep the clocks apart: arrivals by wall clock, latencies by the monotonic one',
    async () => {
      const { rows, summary } = await importFile(
        `${SHARED_TRACES}llmservingsim/RTXPRO6000-Llama-3.1-8B/requests.jsonl`,
      )
      expect(rows).toHaveLength(300)
      expect(total(rows, 'promptTokens')).toBe(257_239)
      expect(total(rows, 'outputTokens')).toBe(195_753)
      expect(Math.round(total(rows, 'ttftUs') / 1_000)).toBe(2_129_147)
      expect(summary.header.kind).toBe('replayed')
    },
  )
})

describe('AIBrix', () => {
  test('one line is a batch that arrives together; lengths may be named in two ways', async () => {
    const { rows } = await importText(
      '{"timestamp":21,"requests":[{"prompt":"x","Prompt Length":9,"Output Length":3},' +
        '{"prompt":"y","prompt_length":7,"output_length":null}]}\n' +
        '{"timestamp":510,"requests":[{"prompt":"abcdefgh","prompt_length":null,"output_length":4}]}\n',
    )
    expect(rows).toMatchObject([
      { atUs: 0, promptTokens: 9, outputTokens: 3, tokenSource: 'tokenizer' },
      { atUs: 0, promptTokens: 7 },
      { atUs: 489_000, promptTokens: 2, outputTokens: 4, tokenSource: 'estimate' },
    ])
  })
})

describe('RAGPulse', () => {
  const line = (timestamp: string, ids: object) =>
    JSON.stringify({
      timestamp,
      input_length: 100,
      output_length: 5,
      hash_ids: {
        sys_prompt: [],
        passages_ids: [],
        history: [],
        web_search: [],
        user_input: [],
        ...ids,
      },
      session_id: '1757476916095-af',
    })

  test('times are seconds in text, one pair is out of order, blank lines at the end are none', async () => {
    const { rows, summary } = await importText(`${line('82', {})}\n${line('80', {})}\n\n\n`)
    expect(rows.map(({ atUs }) => atUs)).toEqual([0, -2_000_000])
    expect(summary.shiftUs).toBe(2_000_000)
    expect(summary.faults).toEqual([])
  })

  test('component ids are chained in prompt order, so that equal ids mean equal prompts so far', async () => {
    const { rows, blocks } = await importText(
      `${line('1', { sys_prompt: [1], passages_ids: [7], user_input: [9] })}\n` +
        `${line('2', { sys_prompt: [1], passages_ids: [8], user_input: [9] })}\n`,
    )
    expect(blocks).toHaveLength(5)
    expect(rows.map(({ prefixBlocks }) => prefixBlocks)).toEqual([3, 3])
  })

  test.skipIf(!hasSharedTraces)('the week has the published totals', async () => {
    const { rows } = await importFile(`${SHARED_TRACES}ragpulse/0_trace.jsonl`)
    expect(rows).toHaveLength(7_106)
    expect(total(rows, 'promptTokens')).toBe(20_917_099)
    expect(total(rows, 'outputTokens')).toBe(2_012_676)
    expect(total(rows, 'prefixBlocks')).toBe(71_583)
    expect(new Set(rows.map(({ session }) => session)).size).toBe(3_990)
  })
})
