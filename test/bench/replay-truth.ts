/** Holds what a client saw against what the server logged of itself. */
import { readFileSync } from 'node:fs'
import { decodeChunkTimes } from '../../src/trace/chunk-times.ts'
import { openTrace } from '../../src/trace/open.ts'
import type { Truth } from '../support/truth-server.ts'
import type { FloorRow } from './replay-floor.ts'

export type Spread = Readonly<{ p50: number; p99: number; max: number }>

export type Compared = Readonly<{
  requests: number
  chunks: number
  /** First byte written minus due, by the client's own clock. */
  lagUs: Spread
  /** The same by the server's receive stamps; the least late is taken for punctual. */
  arrivalLagUs: Spread
  ttftErrorUs: Spread
  /** Of each single gap between two events, its sign left out. */
  gapErrorUs: Spread
  /** How much longer the answers took than the server planned them: above 0 it could not keep up. */
  overrunShare: number
}>

/** @param gapUs as the server planned them */
export async function compareReplay(
  path: string,
  truth: readonly Truth[],
  gapUs: number,
): Promise<Compared> {
  const rows: FloorRow[] = []
  const reader = await openTrace(path)
  const names = ['seq', 'atUs', 'lagUs', 'ttftUs', 'chunkTimes'] as const
  for await (const { rowCount, columns } of reader.requests(names)) {
    for (let at = 0; at < rowCount; at += 1) {
      rows.push({
        seq: columns.seq[at]!,
        atUs: columns.atUs[at]!,
        lagUs: columns.lagUs[at]!,
        ttftUs: columns.ttftUs[at]!,
        chunkTimes: [...decodeChunkTimes(columns.chunkTimes[at]!)],
      })
    }
  }
  await reader.close()
  return compare(rows, truth, gapUs)
}

export function compareFloor(path: string, truth: readonly Truth[], gapUs: number): Compared {
  return compare(JSON.parse(readFileSync(path, 'utf8')) as FloorRow[], truth, gapUs)
}

function compare(rows: readonly FloorRow[], truth: readonly Truth[], gapUs: number): Compared {
  const bySeq = new Map(truth.map((each) => [Number(each.id.split('-')[1]), each]))
  const lags: number[] = []
  const arrivals: number[] = []
  const ttfts: number[] = []
  const gaps: number[] = []
  let chunks = 0
  let tookUs = 0
  for (const { seq, atUs, lagUs, ttftUs, chunkTimes } of rows) {
    const real = bySeq.get(seq)
    if (real === undefined) continue
    lags.push(lagUs)
    arrivals.push(real.receivedAtUs - atUs)
    ttfts.push(ttftUs - (real.wroteAtUs[0]! - real.receivedAtUs))
    chunks += chunkTimes.length
    tookUs += real.wroteAtUs.at(-1)! - real.wroteAtUs[0]!
    for (let k = 1; k < chunkTimes.length; k += 1) {
      const seen = chunkTimes[k]! - chunkTimes[k - 1]!
      gaps.push(Math.abs(seen - (real.wroteAtUs[k]! - real.wroteAtUs[k - 1]!)))
    }
  }
  const least = arrivals.reduce((low, each) => Math.min(low, each), Number.POSITIVE_INFINITY)
  return {
    requests: rows.length,
    chunks,
    lagUs: spread(lags),
    arrivalLagUs: spread(arrivals.map((each) => each - least)),
    ttftErrorUs: spread(ttfts),
    gapErrorUs: spread(gaps),
    overrunShare: gapUs === 0 ? 0 : tookUs / (gaps.length * gapUs) - 1,
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).toSorted()
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN)
  return { p50: at(0.5), p99: at(0.99), max: at(1) }
}
