/** What a recording's header says about what was kept, and how. Pure. */
import {
  CHAIN_BLOCK_BYTES,
  CHAIN_BLOCK_TOKENS,
  chainKey,
  HASH_SCHEME,
  TOKEN_HASH_SCHEME,
} from '../stream/prefix-chain.ts'
import type { TraceHeader } from '../trace/header.ts'
import type { ObserveOptions } from './observe-options.ts'

const SCHEMES = {
  bytes: { scheme: HASH_SCHEME, blockBytes: CHAIN_BLOCK_BYTES, blockTokens: null },
  engine: { scheme: TOKEN_HASH_SCHEME, blockBytes: null, blockTokens: CHAIN_BLOCK_TOKENS },
  off: { scheme: null, blockBytes: null, blockTokens: null },
} as const

/** @param notes what a reader of the trace must know besides */
export function observeHeader(
  observe: ObserveOptions,
  secret: Uint8Array,
  notes: readonly string[],
): Pick<TraceHeader, 'capture' | 'hashing' | 'tokenizer'> {
  const { sample, blocks, tokenizer } = observe
  return {
    capture: {
      policy: 'sizes',
      samplingShare: sample?.share ?? 1,
      sampledBy: sample?.by ?? null,
      notes,
    },
    hashing: {
      ...SCHEMES[blocks],
      keyId: chainKey(secret).keyId,
    },
    // A path would say where somebody keeps their models.
    tokenizer: tokenizer === null ? null : (tokenizer.split('/').at(-1) ?? null),
  }
}
