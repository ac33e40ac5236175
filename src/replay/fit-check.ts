/** Reasons not to begin: the recorded server itself, or requests that the target cannot hold. Pure. */
import { TraceError } from '../base/errors.ts'
import { formatCount } from '../base/format.ts'
import { addressHash } from '../trace/address-hash.ts'
import { ABORT_BY_TIME, ABORT_BY_TOKENS, type Plan } from '../workload/plan.ts'
import { longestPrompt } from './request-body.ts'

/** @throws TraceError TARGET_UNFIT if it is the server that the trace was recorded from */
export function refuseSource({ source }: Plan, url: URL): void {
  if (source.addressHash === null || source.addressSalt === null) return
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  if (addressHash(source.addressSalt, url.hostname, port) !== source.addressHash) return
  throw new TraceError('TARGET_UNFIT', `${url.origin} is the server that was recorded`, {
    hint: 'If it may be loaded a second time, say so with --allow-source.',
  })
}

/**
 * @param contextOf tokens that a shape's model holds; null where it is not told
 * @returns how many do not fit
 * @throws TraceError TARGET_UNFIT if there are any, unless they may be left out
 */
export function checkLengths(
  plan: Plan,
  contextOf: (shapeIndex: number) => number | null,
  mayLeaveOut: boolean,
): number {
  const { promptTokens, outputTokens, flags, shape } = plan.columns
  let count = 0
  let longest = 0
  let context = Number.POSITIVE_INFINITY
  for (let index = 0; index < plan.count; index += 1) {
    const isHangUp = (flags[index]! & (ABORT_BY_TIME | ABORT_BY_TOKENS)) !== 0
    const prompt = longestPrompt(plan.shapes[shape[index]!]!, promptTokens[index]!)
    const tokens = prompt + (isHangUp ? 1 : outputTokens[index]!)
    const limit = contextOf(shape[index]!)
    if (limit === null || tokens <= limit) continue
    count += 1
    longest = Math.max(longest, tokens)
    context = Math.min(context, limit)
  }
  if (count === 0 || mayLeaveOut) return count
  throw new TraceError(
    'TARGET_UNFIT',
    `${formatCount(count)} of ${formatCount(plan.count)} requests do not fit the target's context ` +
      `of ${formatCount(context)} tokens; the longest has ${formatCount(longest)}`,
    { hint: 'Serve a longer context, or leave them out with --too-long skip.' },
  )
}
