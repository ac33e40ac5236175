/** Public traces through their importers, held against every figure that another program computed of them. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import { cacheFigures } from '../../src/report/cache-figures.ts'
import { inspectTrace } from '../../src/report/inspection.ts'
import {
  importFile,
  SHARED_TRACES,
  hasSharedTraces,
  total,
  type Imported,
} from '../support/import-rows.ts'
import { unsavedTrace } from '../support/unsaved-trace.ts'

// Many thousand rows: on a busy machine the default of 5 s is short.
vi.setConfig({ testTimeout: 60_000 })

const RESEARCH = '../shared/research/'
const hasTruth = hasSharedTraces && existsSync(RESEARCH)

type Truth = Readonly<Record<string, unknown>>

const truthOf = (file: string) => JSON.parse(readFileSync(`${RESEARCH}${file}`, 'utf8'))
const read = (path: string) => importFile(`${SHARED_TRACES}${path}`)
const traceOf = ({ rows, blocks, summary }: Imported) =>
  unsavedTrace({
    requests: rows.map((row) => ({ ...row, atUs: row.atUs! + summary.shiftUs })),
    blocks,
    header: summary.header,
  })

/** The other program searched for shapes and stopped this close to them. */
const SEARCH_TOLERANCE = 3e-3
const TOLERANCE = 1e-6

/** A trace holds whole µs; where the source has float seconds, shapes of small gaps move by as little. */
const FLOAT_TOLERANCE = 1e-4

/** Figures of the truth that we miss, or do not have. */
function missed(ours: unknown, truth: Truth, tolerance: number, place: string): string[] {
  return Object.entries(truth).flatMap(([name, wanted]) => {
    // The file's own clock, which a trace counts from its first request.
    if (place === 'arrivals.' && name === 'first') return []
    const got = (ours as Truth | null)?.[name]
    if (typeof wanted === 'object' && wanted !== null) {
      return missed(got, wanted as Truth, tolerance, `${place}${name}.`)
    }
    const allowed = name.includes('weibull') ? SEARCH_TOLERANCE : tolerance
    const isMet = Math.abs(Number(got) - Number(wanted)) <= allowed * Math.abs(Number(wanted))
    return isMet ? [] : [`${place}${name}: ${String(got)}, not ${String(wanted)}`]
  })
}

const PARTS = [
  'arrivals',
  'input',
  'output',
  'corr',
  'sessions',
  'prefix',
  'ttft_s',
  'e2e_s',
] as const

describe.skipIf(!hasTruth)(
  'figures of public traces (skipped: they are not beside the repository)',
  () => {
    test.each([
      ['azure2023_code', 'set1', 'azure-llm-2023/AzureLLMInferenceTrace_code.csv', TOLERANCE],
      ['mooncake_synthetic_trace', 'set1', 'mooncake/synthetic_trace.jsonl', TOLERANCE],
      ['ragpulse', 'set1', 'ragpulse/0_trace.jsonl', TOLERANCE],
      ['vidur_splitwise_code', 'set1', 'vidur/splitwise_code.csv', TOLERANCE],
      [
        'burstgpt3_head105',
        'set3',
        'burstgpt/BurstGPT_without_fails_3.head105.converted.jsonl',
        TOLERANCE,
      ],
      [
        'vllm_bench_RTXPRO6000/Llama-3.1-8B',
        'set3',
        'llmservingsim/RTXPRO6000-Llama-3.1-8B/requests.jsonl',
        FLOAT_TOLERANCE,
      ],
    ] as const)('%s: every one, through its importer', async (name, set, path, tolerance) => {
      const truth = truthOf('ground_truth.json')[set][name]
      const inspection = await inspectTrace(traceOf(await read(path)))
      // Sources name a block's own chain; that no id has two parents holds by construction.
      const ours: Truth = {
        ...inspection,
        ...inspection.latency,
        prefix: { ...inspection.prefix, parent_violations: 0 },
      }
      const held = PARTS.filter((part) => typeof truth[part] === 'object')
      expect(held.length).toBeGreaterThan(1)
      expect(
        held.flatMap((part) => missed(ours[part], truth[part], tolerance, `${part}.`)),
      ).toEqual([])
    })

    test('RAGPulse: components by id alone are told on the way in, as chains in the inspection', async () => {
      const truth = truthOf('ground_truth.json').set1.ragpulse.prefix_components_in_order
      const imported = await read('ragpulse/0_trace.jsonl')
      const told = `${truth.prefix_hit_blocks} of ${truth.total_blocks} (20.0117 %)`
      expect(imported.summary.notes.some((note) => note.includes(told))).toBe(true)
      const { prefix, series } = await inspectTrace(traceOf(imported))
      // The trace begins at noon, the truth at midnight.
      const byHour = truthOf('ground_truth.json').set1.ragpulse.hour_of_day_counts_start_noon
      expect(series.by_hour).toEqual([...byHour.slice(12), ...byHour.slice(0, 12)])
      expect(prefix).toMatchObject({
        requests: truth.requests,
        total_blocks: truth.total_blocks,
        requests_with_hit_frac: expect.closeTo(truth.requests_with_hit_frac, 6),
        prefix_hit_blocks: 12_856,
      })
    })

    test.each([
      [
        'session_execution_v2_example.csv',
        'request-factory/examples/session_execution_v2_example.csv',
      ],
      ['multi_session_large.csv', 'tracelab/replay/examples/multi_session_large.csv'],
    ])('%s: rows, sessions, turns and tokens', async (file, name) => {
      const truth = truthOf('ground_truth.json').set3[name]
      const imported = await read(`request-factory/${file}`)
      const { sessions } = await inspectTrace(traceOf(imported))
      expect([
        imported.rows.length,
        sessions?.sessions,
        sessions?.turns.max,
        total(imported.rows, 'promptTokens'),
        total(imported.rows, 'outputTokens'),
      ]).toEqual([
        truth.rows,
        truth.sessions,
        truth.max_turns,
        truth.prefix + truth.append,
        truth.out,
      ])
    })

    test('TraceLab: lengths, and the share of the prompt that the provider served from its cache', async () => {
      const truth = truthOf('ground_truth.json').set3.tracelab_example
      const inspection = await inspectTrace(traceOf(await read('tracelab/round_trace.jsonl')))
      expect([
        ...missed(inspection.input, truth.input, TOLERANCE, 'input.'),
        ...missed(inspection.output, truth.output, TOLERANCE, 'output.'),
      ]).toEqual([])
      expect(inspection.cached_token_share).toBeCloseTo(truth.hit, 9)
      expect(inspection.sessions?.sessions).toBe(truth.sessions)
    })

    test('Mooncake: time since a block was last used, and how much the tenth that is used most takes', async () => {
      const truth = truthOf('ground_truth.json').set4.synthetic_trace
      const { prefix } = await inspectTrace(traceOf(await read('mooncake/synthetic_trace.jsonl')))
      expect(missed(prefix?.reuse_gap_s, truth.reuse_gap_s, TOLERANCE, 'reuse_gap_s.')).toEqual([])
      const share = truth.top10pct_blocks_share_of_reuse
      expect(prefix?.top10pct_blocks_share_of_reuse).toBeCloseTo(share, 6)
    })

    test('Mooncake: every integer of every rule, window and size of the cache', async () => {
      const { traces } = truthOf('cache_truth.json')
      const truth = traces.mooncake_synthetic
      const imported = await read('mooncake/synthetic_trace.jsonl')
      expect(imported.rows).toHaveLength(truth.rows)
      expect(imported.blocks).toHaveLength(truth.unique_blocks)
      for (const rule of ['block', 'prefix', 'engine'] as const) {
        for (const [window, key] of [
          ['all', 'all'],
          ['last-half', 'last_half'],
        ] as const) {
          const wanted = truth[`${rule}_lru`][key] as readonly Record<string, number | null>[]
          const { sizes } = await cacheFigures(traceOf(imported), {
            rule,
            window,
            blockTokens: truth.block_tokens,
            capacities: wanted.flatMap((size) => size['capacity_tokens'] ?? []),
          })
          const got = sizes.map(
            ({ token_hit_rate: tokens, block_hit_rate: blocks, ...integers }) => ({
              ...integers,
              token_hit_rate: Number(tokens.toFixed(6)),
              block_hit_rate: Number(blocks.toFixed(6)),
            }),
          )
          const order = (one: { capacity_tokens?: unknown }) =>
            Number(one.capacity_tokens ?? Infinity)
          const plain = wanted.map(({ capacity_blocks: _blocks, ...size }) => size)
          expect({ rule, window, sizes: got.toSorted((a, b) => order(a) - order(b)) }).toEqual({
            rule,
            window,
            sizes: plain.toSorted((a, b) => order(a) - order(b)),
          })
        }
      }
    })
  },
)
