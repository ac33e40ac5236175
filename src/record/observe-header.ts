/** What a recording's header says about what was kept, and how. Pure. */
import { CHAIN_BLOCK_BYTES, chainKey, HASH_SCHEME } from '../stream/prefix-chain.ts'
import type { TraceHeader } from '../trace/header.ts'
import type { ObserveOptions } from './observe-options.ts'

/** @param notes what a reader of the trace must know besides */
export function observeHeader(
  observe: ObserveOptions,
  secret: Uint8Array,
  notes: readonly string[],
): Pick<TraceHeader, 'capture' | 'hashing' | 'tokenizer'> {
  const { sample, hasBlocks, tokenizer } = observe
  return {
    capture: {
      policy: 'sizes',
      samplingShare: sample?.share ?? 1,
      sampledBy: sample?.by ?? null,
      notes,
    },
    hashing: {
      scheme: hasBlocks ? HASH_SCHEME : null,
      blockBytes: hasBlocks ? CHAIN_BLOCK_BYTES : null,
      blockTokens: null,
      keyId: chainKey(secret).keyId,
    },
    // A path would say where somebody keeps their models.
    tokenizer: tokenizer === null ? null : (tokenizer.split('/').at(-1) ?? null),
  }
}
