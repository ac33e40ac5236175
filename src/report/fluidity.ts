/** Would a reader have noticed a stutter? The share of tokens that came by their deadline. Pure. */
import { decodeChunkTimes } from '../trace/chunk-times.ts'
import { decodeChunkTokens } from '../trace/chunk-tokens.ts'
import type { TraceReader } from '../trace/trace.ts'
import type { Keep } from './side-watch.ts'
import type { Objective } from './objective.ts'

export type Fluidity = Readonly<{
  first_token_us: number
  next_token_us: number
  requests: number
  /** Mean over requests of tokens in time over tokens. */
  mean: number
  /** Requests of whose tokens at least nine in ten came in time. */
  fluid_share: number
}>

const FLUID = 0.9

/** @returns null unless there are objectives for both TTFT and TPOT, or no stream has times */
export async function fluidityOf(
  run: TraceReader,
  objectives: readonly Objective[],
  keep: Keep = () => true,
): Promise<Fluidity | null> {
  const limitOf = (...names: readonly string[]) =>
    objectives.find(
      ({ quantity }) => quantity.kind === 'latency' && names.includes(quantity.metric),
    )?.limit
  const [firstUs, nextUs] = [limitOf('ttft_due', 'ttft'), limitOf('tpot', 'itl')]
  if (firstUs === undefined || nextUs === undefined) return null
  let [requests, sum, fluid] = [0, 0, 0]
  for await (const { rowCount, columns } of run.requests([
    'seq',
    'atUs',
    'lagUs',
    'uploadUs',
    'chunkTimes',
    'chunkTokens',
  ])) {
    for (let row = 0; row < rowCount; row += 1) {
      const packed = columns.chunkTimes[row]
      if (!packed || packed.length === 0 || !keep(columns.atUs[row]!, columns.seq[row]!)) continue
      const sinceDueUs = (columns.lagUs[row]! || 0) + (columns.uploadUs[row]! || 0)
      const packedTokens = columns.chunkTokens[row]
      const share = fluidityIndex(
        decodeChunkTimes(packed).map((us) => us + sinceDueUs),
        packedTokens ? decodeChunkTokens(packedTokens) : null,
        { firstUs, nextUs },
      )
      requests += 1
      sum += share
      if (share >= FLUID) fluid += 1
    }
  }
  if (requests === 0) return null
  return {
    first_token_us: firstUs,
    next_token_us: nextUs,
    requests,
    mean: sum / requests,
    fluid_share: fluid / requests,
  }
}

/**
 * Each token has a deadline: the first `firstUs` after due, each further one `nextUs` after the deadline
 * before. Time saved is kept for later tokens; a late token sets the clock anew.
 *
 * @param atUs when each event came, since due
 * @param tokens of each event; null: one each
 * @returns tokens in time over tokens
 */
export function fluidityIndex(
  atUs: ArrayLike<number>,
  tokens: ArrayLike<number> | null,
  deadlines: Readonly<{ firstUs: number; nextUs: number }>,
): number {
  let deadlineUs = deadlines.firstUs
  let [inTime, total] = [0, 0]
  for (let event = 0; event < atUs.length; event += 1) {
    for (let token = tokens?.[event] ?? 1; token > 0; token -= 1) {
      total += 1
      if (atUs[event]! <= deadlineUs) inTime += 1
      else deadlineUs = atUs[event]!
      deadlineUs += deadlines.nextUs
    }
  }
  return total === 0 ? 1 : inTime / total
}
