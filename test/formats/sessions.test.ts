/** Formats that know sessions: Bailian, WEKA, TraceLab, session CSV, LMCache. */
import { describe, expect, test } from 'vitest'
import {
  hasSharedTraces,
  importFile,
  importText,
  SHARED_TRACES,
  total,
} from '../support/import-rows.ts'

describe('Bailian', () => {
  const line = (fields: object) =>
    `${JSON.stringify({ timestamp: 0, input_length: 40, output_length: 3, turn: 1, type: 'text', hash_ids: [], ...fields })}\n`

  test('sessions follow parents; a parent that the sample lacks opens a session', async () => {
    const { rows, summary } = await importText(
      line({ chat_id: 1, parent_chat_id: -1 }) +
        line({ chat_id: 5, parent_chat_id: 1, timestamp: 12.5 }) +
        line({ chat_id: 9, parent_chat_id: 777, timestamp: 13 }),
    )
    expect(rows.map(({ session }) => session === rows[0]?.session)).toEqual([true, true, false])
    expect(rows[1]).toMatchObject({ turn: 1, parentSeq: 0, atUs: 12_500_000 })
    expect(rows[2]?.parentSeq ?? null).toBeNull()
    expect(summary.notes.join()).toContain('some parents are not in the file')
  })

  test('text chat ids and a null parent, as another tool writes them, are read too', async () => {
    const { rows } = await importText(line({ chat_id: 'a', parent_chat_id: null }))
    expect(rows).toHaveLength(1)
  })

  test('blocks are 16 tokens and the padded last one counts what is left', async () => {
    const { blocks } = await importText(
      line({ chat_id: 1, parent_chat_id: -1, hash_ids: [11, 12, 13] }),
    )
    expect(blocks.map(({ tokens }) => tokens)).toEqual([16, 16, 8])
  })
})

describe('WEKA', () => {
  const request = (fields: object) => ({
    t: 0,
    type: 'n',
    model: 'm',
    in: 130,
    out: 5,
    hash_ids: [1, 2],
    stop: 'tool_use',
    api_time: 2.5,
    ...fields,
  })
  const file = (requests: object[], scope = 'local') =>
    JSON.stringify({ id: 'c', block_size: 64, hash_id_scope: scope, requests })

  test('floor lists leave the tail unshared; all blocks are whole', async () => {
    const { blocks, rows } = await importText(file([request({})]))
    expect(blocks.map(({ tokens }) => tokens)).toEqual([64, 64])
    expect(rows[0]).toMatchObject({ promptTokens: 130, prefixBlocks: 2 })
  })

  test("local ids of two conversations are not each other's, sub-agents share their parent's", async () => {
    const agent = { type: 'subagent', t: 10, agent_id: 'x', requests: [request({ t: 1 })] }
    const one = file([request({}), agent])
    const { rows, blocks } = await importText(`${one}\n${one.replace('"c"', '"d"')}\n`)
    expect(blocks).toHaveLength(4)
    expect(rows[0]?.prefixLeaf).toBe(rows[1]?.prefixLeaf)
    expect(rows[2]?.prefixLeaf).not.toBe(rows[0]?.prefixLeaf)
  })

  test('times inside an agent count from its marker, or are absolute where they are republished', async () => {
    const inside = (t: number) =>
      file([request({}), { type: 'subagent', t: 10, agent_id: 'x', requests: [request({ t })] }])
    const at = async (t: number) => (await importText(inside(t))).rows[1]?.atUs
    expect(await at(1)).toBe(11_000_000)
    expect(await at(12)).toBe(12_000_000)
  })

  test('turns wait for the answer before and their think time; an agent is spawned', async () => {
    const { rows } = await importText(
      file([
        request({}),
        request({ t: 9, think_time: 6.5 }),
        { type: 'subagent', t: 10, agent_id: 'x', requests: [request({ t: 1 })] },
      ]),
    )
    expect(rows[1]).toMatchObject({
      parentSeq: 0,
      dependencies: '[{"delayUs":6500000,"relation":"sequence","seq":0,"trigger":"end"}]',
    })
    expect(rows[2]?.dependencies).toContain('"relation":"spawn"')
    expect(rows[2]?.session).not.toBe(rows[0]?.session)
  })

  test.skipIf(!hasSharedTraces)('a folder of conversations is one trace', async () => {
    const { rows, summary } = await importFile(`${SHARED_TRACES}weka/traces`)
    expect(rows).toHaveLength(155)
    expect(summary.notes.join()).toContain('12 files')
    expect(summary.faults).toEqual([])
  })
})

describe('session CSV and TraceLab', () => {
  const CSV =
    'session_id,round_idx,arrival_time_ms,prefix_len,input_len,output_len,tool_wait_after_ms\n'

  test('input_len is what a turn appends: the prompt is prefix_len and that', async () => {
    const { rows } = await importText(`${CSV}0,0,0,0,640,64,100\n0,1,0,704,128,64,0\n`)
    expect(rows).toMatchObject([
      { promptTokens: 640, turn: 0, atUs: 0 },
      { promptTokens: 832, turn: 1, atUs: 100_000, parentSeq: 0 },
    ])
  })

  test('what a turn kept is shared with the turn before, its answer included', async () => {
    const { rows, blocks } = await importText(`${CSV}0,0,0,0,640,64,100\n0,1,0,704,128,64,0\n`)
    const parents = new Map(blocks.map(({ id, parent }) => [id, parent]))
    let id: bigint | null = rows[1]?.prefixLeaf ?? null
    while (id !== null && id !== rows[0]?.answerLeaf) id = parents.get(id) ?? null
    expect(id).toBe(rows[0]?.answerLeaf)
  })

  test('a turn that kept less than its session had starts a branch', async () => {
    const { rows } = await importText(`${CSV}0,0,0,0,640,64,0\n0,1,0,128,64,1,0\n`)
    expect(rows[1]).toMatchObject({ promptTokens: 192, prefixBlocks: 3 })
  })

  test.skipIf(!hasSharedTraces)(
    'prompt, kept and output tokens have the published sums',
    async () => {
      const { rows } = await importFile(
        `${SHARED_TRACES}request-factory/session_execution_v2_example.csv`,
      )
      expect(rows).toHaveLength(211)
      expect(total(rows, 'promptTokens')).toBe(21_865_118 + 2_145_958)
      expect(total(rows, 'outputTokens')).toBe(133_410)
    },
  )

  test.skipIf(!hasSharedTraces)('TraceLab rounds are timed by their events', async () => {
    const { rows } = await importFile(`${SHARED_TRACES}tracelab/round_trace.jsonl`)
    expect(rows).toHaveLength(19)
    expect(total(rows, 'promptTokens')).toBe(514_012)
    expect(total(rows, 'cachedTokens')).toBe(473_556)
    expect(total(rows, 'outputTokens')).toBe(11_335)
    expect(rows[0]).toMatchObject({ atUs: 0, ttftUs: 9_269_000 })
    expect(rows[1]).toMatchObject({ atUs: 30_787_000, turn: 1, parentSeq: 0 })
  })
})

describe('LMCache', () => {
  test('text becomes sizes and shared blocks, in µs, and nothing of it is kept', async () => {
    const shared = 'x'.repeat(512)
    const line = (timestamp: number, input: string, output: string) =>
      `${JSON.stringify({ timestamp, input, output, session_id: 's' })}\n`
    const { rows, blocks } = await importText(
      line(1_760_587_722_179_171, `${shared}abc`, '') +
        line(1_760_587_722_556_953, `${shared}defg`, 'hello there'),
    )
    expect(rows.map(({ atUs }) => atUs)).toEqual([0, 377_782])
    expect(rows[0]?.prefixLeaf).toBe(rows[1]?.prefixLeaf)
    expect(rows[1]).toMatchObject({
      turn: 1,
      parentSeq: 0,
      outputTokens: 3,
      tokenSource: 'estimate',
    })
    expect(blocks).toHaveLength(2)
    expect(
      JSON.stringify(rows, (_key, v: unknown) => (typeof v === 'bigint' ? `${v}` : v)),
    ).not.toContain('xx')
  })

  test.skipIf(!hasSharedTraces)('a folder of sessions is one trace', async () => {
    const { rows } = await importFile(`${SHARED_TRACES}lmcache-agent/taubench`)
    expect(new Set(rows.map(({ session }) => session)).size).toBe(5)
  })
})
