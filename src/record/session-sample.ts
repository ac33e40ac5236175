/** Which sessions or tenants a sample keeps: always the same ones for the same key. Pure. */
import { type ChainKey, keyedId } from '../stream/prefix-chain.ts'
import type { ObserveOptions } from './observe-options.ts'

/** @param tenant requests without one are kept or dropped together */
export function isSampled(
  key: ChainKey,
  sample: ObserveOptions['sample'],
  session: string,
  tenant: string | null,
): boolean {
  if (sample === null) return true
  const id = sample.by === 'tenant' ? (tenant ?? '') : session
  const draw = Number.parseInt(keyedId(key, 'sample', id).slice(0, 8), 16)
  return draw < sample.share * 0x1_0000_0000
}
