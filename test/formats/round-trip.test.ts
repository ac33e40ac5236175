/** Import of an export gives the same trace, in everything that the format can hold. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EXPORTERS } from '../../src/formats/exporters.ts'
import { CONSUMERS, type Consumer } from '../../src/formats/exporter.ts'
import { lostColumns } from '../../src/formats/export.ts'
import type { BlockRow, RequestColumn, RequestRow } from '../../src/trace/columns.ts'
import { importText } from '../support/import-rows.ts'
import { memoryTrace } from '../support/memory-trace.ts'

const BLOCK_TOKENS = 16

/** Prompts over a small alphabet of blocks, so that prefixes are shared; the last block is cut. */
const prompt = fc.record({
  path: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 6 }),
  cutTokens: fc.integer({ min: 0, max: BLOCK_TOKENS - 1 }),
})

const trace = fc
  .array(
    fc.record({
      gapUs: fc.integer({ min: 0, max: 5_000_000 }),
      prompt,
      outputTokens: fc.integer({ min: 0, max: 500 }),
      session: fc.option(fc.constantFrom('s1', 's2', 's3'), { nil: null }),
      model: fc.option(fc.constantFrom('a', 'b'), { nil: null }),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map(build)

type Trace = Readonly<{ rows: Partial<RequestRow>[]; blocks: BlockRow[] }>

function build(
  drawn: readonly {
    gapUs: number
    prompt: { path: number[]; cutTokens: number }
    outputTokens: number
    session: string | null
    model: string | null
  }[],
): Trace {
  const blocks = new Map<string, BlockRow>()
  let atUs = 0
  const rows = drawn.map(({ gapUs, prompt: { path, cutTokens }, ...row }, seq) => {
    let parent: bigint | null = null
    path.forEach((step, index) => {
      const isTail = index === path.length - 1 && cutTokens > 0
      const key = `${path.slice(0, index + 1).join('.')}${isTail ? `/${cutTokens}` : ''}`
      const block = blocks.get(key) ?? {
        id: BigInt(1_000 + blocks.size),
        parent,
        tokens: isTail ? BLOCK_TOKENS - cutTokens : BLOCK_TOKENS,
      }
      blocks.set(key, block)
      parent = block.id
      void step
    })
    atUs = seq === 0 ? 0 : atUs + gapUs
    return {
      ...row,
      seq,
      atUs,
      endpoint: 'completions',
      tokenSource: 'server',
      promptTokens: path.length * BLOCK_TOKENS - cutTokens,
      prefixLeaf: parent,
      prefixBlocks: path.length,
      outcome: row.outputTokens === 0 ? 'http_error' : null,
    }
  })
  return { rows, blocks: [...blocks.values()] }
}

async function exported(
  name: string,
  source: Trace,
  consumer: Consumer | null = null,
): Promise<string | Uint8Array> {
  const exporter = EXPORTERS.find((one) => one.name === name)
  if (exporter === undefined) throw new Error(name)
  const parts: Uint8Array[] = []
  const reader = memoryTrace({
    ...source,
    header: {
      hashing: { scheme: 'x', blockBytes: null, blockTokens: BLOCK_TOKENS, keyId: null },
      originWallUs: 1_700_000_000_000_000,
    },
  })
  await exporter.write(
    reader,
    {
      write: async (content) => void parts.push(Buffer.from(content)),
      beside: () => {},
    },
    { output: 'x', consumer },
  )
  return Buffer.concat(parts)
}

/** Names of sessions and blocks do not matter: they are numbered as they appear. */
function plain(
  rows: readonly Partial<RequestRow>[],
  blocks: readonly BlockRow[],
  names: readonly RequestColumn[],
): unknown[] {
  const byId = new Map(blocks.map((block) => [block.id, block]))
  const numbers = new Map<unknown, number>()
  const numbered = (key: unknown) => {
    const number = numbers.get(key) ?? numbers.size
    numbers.set(key, number)
    return number
  }
  return rows
    .toSorted((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0) || (a.seq ?? 0) - (b.seq ?? 0))
    .map((row) => {
      const path: unknown[] = []
      for (let id = row.prefixLeaf ?? null; id !== null; id = byId.get(id)?.parent ?? null) {
        path.unshift([id, byId.get(id)?.tokens])
      }
      const cells = names.map((name) => [name, row[name] ?? null] as const)
      return {
        ...Object.fromEntries(cells),
        session: names.includes('session') && row.session != null ? numbered(row.session) : null,
        ...(names.includes('prefixLeaf')
          ? { path: path.map((step) => [numbered((step as unknown[])[0]), (step as unknown[])[1]]) }
          : {}),
        prefixLeaf: null,
      }
    })
}

const LENGTHS: readonly RequestColumn[] = ['atUs', 'promptTokens', 'outputTokens', 'outcome']

describe('import of an export', () => {
  const cases: readonly (readonly [string, readonly RequestColumn[]])[] = [
    ['mooncake', [...LENGTHS, 'session', 'model', 'prefixLeaf']],
    ['bailian', [...LENGTHS, 'prefixLeaf']],
    ['azure', LENGTHS],
    ['csv', [...LENGTHS, 'session', 'model', 'seq', 'endpoint', 'tokenSource']],
    ['jsonl', [...LENGTHS, 'session', 'model', 'seq', 'endpoint', 'tokenSource']],
    ['parquet', [...LENGTHS, 'session', 'model', 'seq', 'endpoint', 'tokenSource']],
    ['inference-sim', ['atUs', 'promptTokens', 'outputTokens', 'session', 'model']],
  ]
  for (const [name, names] of cases) {
    test(`${name} keeps ${names.join(', ')}`, async () => {
      await fc.assert(
        fc.asyncProperty(trace, async (source) => {
          const back = await importText(await exported(name, source))
          expect(back.summary.faults).toEqual([])
          expect(plain(back.rows, back.blocks, names)).toEqual(
            plain(source.rows, source.blocks, names),
          )
        }),
        // Each reading of Parquet starts a thread.
        { numRuns: name === 'parquet' ? 4 : 60 },
      )
    })
  }

  test('agentic Mooncake and SATF keep times, lengths, sessions and shared whole blocks', async () => {
    await fc.assert(
      fc.asyncProperty(trace, async (source) => {
        const wanted = sharing(source.rows, source.blocks)
        for (const name of ['agentic-mooncake', 'satf']) {
          const back = await importText(await exported(name, source))
          const byTime = back.rows.toSorted((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0))
          expect(byTime.map(({ atUs }) => atUs)).toEqual(source.rows.map(({ atUs }) => atUs))
          expect(sum(back.rows, 'promptTokens')).toBe(sum(source.rows, 'promptTokens'))
          expect(sum(back.rows, 'outputTokens')).toBe(sum(source.rows, 'outputTokens'))
          expect(sharing(back.rows, back.blocks)).toBe(wanted)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('agentic Mooncake says after what a recorded turn came, and how long', async () => {
    const row = (seq: number, atUs: number, more: Partial<RequestRow>): Partial<RequestRow> => ({
      seq,
      atUs,
      session: 's',
      turn: seq,
      endpoint: 'chat',
      promptTokens: 9,
      outputTokens: 3,
      lagUs: 0,
      uploadUs: 1_000,
      ...more,
    })
    const rows = [
      row(0, 0, { e2eUs: 2_000_000 }),
      row(1, 5_001_000, { parentSeq: 0, abortUs: 9_000 }),
      row(2, 5_005_000, { parentSeq: 1, e2eUs: 1 }),
    ]
    const text = String(await exported('agentic-mooncake', { rows, blocks: [] }))
    const lines = text.trim().split('\n').slice(1)
    const found = lines.map((line) => (JSON.parse(line) as { dependencies: unknown }).dependencies)
    const after = (seq: number, trigger: string, delay_ms: number) => [
      { request_id: `r${seq}`, trigger, delay_ms, relation: 'sequence' },
    ]
    expect(found).toEqual([[], after(0, 'completion', 3_000), after(1, 'dispatch', 4)])
    const back = await importText(text)
    expect(back.rows.map(({ parentSeq }) => parentSeq ?? null)).toEqual([null, 0, 1])
  })

  test('each consumer gets its own form, and the same lengths from all', async () => {
    await fc.assert(
      fc.asyncProperty(trace, fc.constantFrom(...CONSUMERS), async (source, consumer) => {
        const lines = String(await exported('mooncake', source, consumer))
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Record<string, unknown>)
        for (const row of lines) {
          const size = consumer === 'aiperf' || consumer === 'guidellm' ? 512 : BLOCK_TOKENS
          const ids = row['hash_ids'] as number[]
          expect(ids).toHaveLength(Math.ceil(Number(row['input_length']) / size))
          expect(ids.every((id) => Number.isSafeInteger(id) && id >= 0)).toBe(true)
          expect('type' in row || 'session_id' in row).toBe(false)
          expect('block_size' in row).toBe(consumer === 'kvcache-simulator')
        }
        const isKept = consumer !== 'vllm'
        const kept = source.rows.filter(({ outputTokens }) => isKept || outputTokens !== 0)
        const unit = consumer === 'vllm' || consumer === 'guidellm' ? 1_000_000 : 1_000
        expect(lines.map((row) => Math.round(Number(row['timestamp']) * unit))).toEqual(
          kept.map(({ atUs }) => atUs),
        )
      }),
      { numRuns: 60 },
    )
  })

  test('what a format cannot hold is listed by the names in files', async () => {
    const exporter = EXPORTERS.find(({ name }) => name === 'azure')
    const reader = memoryTrace({
      rows: [{ seq: 0, atUs: 0, promptTokens: 1, outputTokens: 1, ttftUs: 5, tenant: 't' }],
    })
    expect(await lostColumns(reader, exporter!)).toEqual(['tenant', 'ttft_us'])
  })
})

/** Prompt tokens in whole blocks that some earlier row had at the same place of the same prefix. */
function sharing(rows: readonly Partial<RequestRow>[], blocks: readonly BlockRow[]): number {
  const byId = new Map(blocks.map((block) => [block.id, block]))
  const seen = new Set<bigint>()
  let shared = 0
  for (const row of rows.toSorted((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0))) {
    for (let id = row.prefixLeaf ?? null; id !== null; id = byId.get(id)?.parent ?? null) {
      if (byId.get(id)?.tokens !== BLOCK_TOKENS) continue
      if (seen.has(id)) shared += 1
      seen.add(id)
    }
  }
  return shared
}

function sum(rows: readonly Partial<RequestRow>[], name: 'promptTokens' | 'outputTokens'): number {
  return rows.reduce((total, row) => total + (row[name] ?? 0), 0)
}
