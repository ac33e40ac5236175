/** Samples of several sources as one, by time. Pure but for what the sources do. */
import type { SampleRow } from './columns.ts'

/** Rows by time; `rows` is called once their turn has come, so that far ones wait unread. */
export type SampleSource = Readonly<{
  firstAtUs: number
  rows: () => AsyncIterable<SampleRow[]>
}>

type Front = { rest: AsyncIterator<SampleRow[]>; rows: SampleRow[]; at: number }

export async function* mergeSamples(sources: readonly SampleSource[]): AsyncGenerator<SampleRow[]> {
  const waiting = sources.toSorted((left, right) => left.firstAtUs - right.firstAtUs)
  let fronts: Front[] = []
  while (fronts.length > 0 || waiting.length > 0) {
    const front = fronts.reduce<Front | null>((least, other) => earlier(least, other), null)
    const [next] = waiting
    if (next !== undefined && (front === null || next.firstAtUs <= atOf(front))) {
      waiting.shift()
      const opened = { rest: next.rows()[Symbol.asyncIterator](), rows: [], at: 0 }
      if (await refill(opened)) fronts.push(opened)
      continue
    }
    if (front === null) continue
    const others = fronts.filter((other) => other !== front).map(atOf)
    yield takeUntil(front, Math.min(...others, next?.firstAtUs ?? Infinity))
    if (!(await refill(front))) fronts = fronts.filter((other) => other !== front)
  }
}

function earlier(least: Front | null, other: Front): Front {
  return least === null || atOf(other) < atOf(least) ? other : least
}

function atOf({ rows, at }: Front): number {
  return rows[at]?.atUs ?? Infinity
}

/** At least one row. */
function takeUntil(front: Front, boundUs: number): SampleRow[] {
  const from = front.at
  do front.at += 1
  while (atOf(front) <= boundUs && front.at < front.rows.length)
  return front.rows.slice(from, front.at)
}

/** @returns false once the source has no more rows */
async function refill(front: Front): Promise<boolean> {
  while (front.at >= front.rows.length) {
    const next = await front.rest.next()
    if (next.done === true) return false
    front.rows = next.value
    front.at = 0
  }
  return true
}
