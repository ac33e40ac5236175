/** Reasons not to begin: the recorded server itself, or requests that the target cannot hold. Pure. */
import { TraceError } from '../base/errors.ts'
import { formatCount } from '../base/format.ts'
import { addressHash, plainHost } from '../trace/address-hash.ts'
import { ABORT_BY_TIME, ABORT_BY_TOKENS, type Plan, type RequestShape } from '../workload/plan.ts'
import { longestPrompt } from './request-body.ts'

/** They mean the machine that says them, whichever that is. */
const LOOPBACK = ['localhost', '127.0.0.1', '::1', '0.0.0.0', '::']

/**
 * A loopback address is another server on each machine: there it takes the same models, too.
 *
 * @param served names of its models; null while they have not been asked for
 * @throws TraceError TARGET_UNFIT if it is the server that the trace was recorded from
 */
export function refuseSource(plan: Plan, url: URL, served: readonly string[] | null): void {
  const { addressHash: recorded, addressSalt: salt } = plan.source
  if (recorded === null || salt === null) return
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  const host = plainHost(url.hostname)
  const isLocal = LOOPBACK.includes(host) || host.endsWith('.localhost') || host.startsWith('127.')
  const names = isLocal ? [host, ...LOOPBACK] : [host]
  if (!names.some((name) => addressHash(salt, name, port) === recorded)) return
  const isSame = ({ adapter, model }: RequestShape) =>
    [adapter, model].some((name) => name !== null && served?.includes(name) === true)
  if (isLocal && !plan.shapes.some(isSame)) return
  const what = isLocal
    ? 'may be the server that was recorded: address and models are the same'
    : 'is the server that was recorded'
  throw new TraceError('TARGET_UNFIT', `${url.origin} ${what}`, {
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
