/** What each way to more load does to it: faster time, or more users. */
import { fold } from '../base/fold.ts'
import { formatCount, formatShare, significant } from '../base/format.ts'
import { autocorrelation, countsPerWindow } from '../stats/arrivals.ts'
import { quantileOfSorted } from '../stats/quantile.ts'
import type { TraceReader } from '../trace/trace.ts'
import { buildPlan } from './build-plan.ts'
import { alignedTable } from './aligned-table.ts'
import { DEFAULT_BLOCK_TOKENS, loadFigures, type LoadFigures } from './load-figures.ts'
import type { WorkloadOptions } from './options.ts'
import { NONE, type Plan } from './plan.ts'

export type ScalingRow = LoadFigures &
  Readonly<{
    name: string
    /** How long counts stay correlated; 0 where they never are. */
    burstSec: number
    /** Median time since a prefix was last used; NaN without prefixes. */
    reuseUs: number
  }>

/** The load of the options as they are, then compressed by the factor, then with so many users. */
export async function compareScaling(
  reader: TraceReader,
  options: WorkloadOptions,
  factor: number,
): Promise<ScalingRow[]> {
  const blockTokens = reader.header.server.blockTokens ?? DEFAULT_BLOCK_TOKENS
  const ways: readonly (readonly [string, Partial<WorkloadOptions>])[] = [
    ['as it is', {}],
    [`--speed ${factor}x`, { speed: options.speed * factor }],
    [`--rate-scale ${factor}x`, { rateScale: { factor, by: 'sessions' } }],
  ]
  const rows: ScalingRow[] = []
  for (const [name, change] of ways) {
    const plan = await buildPlan(reader, { ...options, ...change })
    const figures = loadFigures(plan.columns, plan.blocks, blockTokens)
    rows.push({ ...figures, name, burstSec: burstSeconds(plan), reuseUs: reuseDistanceUs(plan) })
  }
  return rows
}

const WINDOW_US = 500_000
const FREE_CORRELATION = 0.05

/** Integrated autocorrelation of counts: how long it stays busy once it is. */
function burstSeconds({ columns: { dueUs } }: Plan): number {
  const counts = countsPerWindow(dueUs, WINDOW_US)
  let windows = 0
  for (let lag = 1; lag < counts.length / 4; lag += 1) {
    const correlation = autocorrelation(counts, lag)
    if (!(correlation > FREE_CORRELATION)) break
    windows += 2 * correlation
  }
  return (windows * WINDOW_US) / 1e6
}

/** For each request the longest prefix that was there before, and how long it had lain there. */
function reuseDistanceUs({ columns, blocks }: Plan): number {
  const lastUs = new Float64Array(blocks.id.length).fill(-1)
  const distances: number[] = []
  for (let row = 0; row < columns.dueUs.length; row += 1) {
    const nowUs = columns.dueUs[row]!
    let isFound = false
    for (let block = columns.leaf[row]!; block !== NONE; block = blocks.parent[block]!) {
      if (!isFound && lastUs[block]! >= 0) {
        distances.push(nowUs - lastUs[block]!)
        isFound = true
      }
      lastUs[block] = nowUs
    }
  }
  return quantileOfSorted(Float64Array.from(distances).toSorted(), 0.5)
}

const HEADINGS = ['', 'requests', 'rate', 'CV', 'IDC 1/10/60 s', 'burst', 'prefix', 'reused']

export function formatScaling(rows: readonly ScalingRow[]): string {
  const lines = rows.map((row) => [
    row.name,
    formatCount(row.count),
    `${number(row.ratePerSec)}/s`,
    number(row.gapCv),
    [row.dispersion.at1s, row.dispersion.at10s, row.dispersion.at60s].map(number).join('/'),
    Number.isFinite(row.burstSec) ? `${number(row.burstSec)} s` : '–',
    row.prefixShare === null ? '–' : formatShare(row.prefixShare),
    Number.isFinite(row.reuseUs) ? `${number(row.reuseUs / 1e6)} s` : '–',
  ])
  const notes =
    'burst: how long counts stay correlated · reused: median time since a prefix was used'
  return `${[...alignedTable([HEADINGS, ...lines]), fold(notes)].join('\n')}\n`
}

function number(value: number): string {
  return Number.isFinite(value) ? significant(value, Math.abs(value) < 1 ? 2 : 3) : '–'
}
