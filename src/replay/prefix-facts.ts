/** What a server's prefix cache is like, and which requests share one. Pure. */
import type { Plan } from '../workload/plan.ts'
import type { ReplayOptions } from './options.ts'
import type { Preflight } from './preflight.ts'
import { MOST_ROWS, type PrefixFacts } from './prefix-gap.ts'
import { isBare } from './request-body.ts'

/** @returns null where hits would tell nothing: no prefixes, several block sizes, or too many rows to keep */
export function prefixFacts(
  { blocks, count, shapes }: Plan,
  { servers, targets, targetOfShape }: Preflight,
  { prefix }: Pick<ReplayOptions, 'prefix'>,
): PrefixFacts | null {
  const [first, ...others] = servers.map(({ facts }) => facts)
  const blockTokens = first?.blockTokens ?? null
  if (blockTokens === null || others.some((facts) => facts.blockTokens !== blockTokens)) return null
  if (prefix !== 'keep' || blocks.id.length === 0 || count > MOST_ROWS) return null
  return {
    blockTokens,
    capacityTokens: others.length === 0 ? (first?.cacheTokens ?? null) : null,
    cacheNames: shapes.map((shape, at) => {
      const { server, model } = targets[targetOfShape[at]!]!
      // A template stands before the words: nothing is shared across it.
      return JSON.stringify([server, model, shape.adapter, isBare(shape)])
    }),
  }
}
