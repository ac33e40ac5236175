/** One prompt and its growing answer, as the scheduler sees it. Pure. */
import { hashStep } from './hash.ts'

export type FinishReason = 'stop' | 'length' | 'abort'

/** One prompt and its growing answer. */
export type Sequence = {
  readonly id: number
  /** Prompt, then answer. */
  readonly tokens: number[]
  readonly promptCount: number
  readonly maxTokens: number
  /** Seeds the chain of block hashes: sequences with other salts share nothing. */
  readonly salt: number
  /** Every token of the prompt is wanted, so none comes from the cache; later ones may share it. */
  readonly skipsCache: boolean
  readonly arrivedUs: number
  /** When it was put in the queue. */
  readonly queuedUs: number
  /** The next token of the answer; `isLast` ends it. Called once for each token, in order. */
  readonly nextToken: (answerIndex: number) => Readonly<{ token: number; isLast: boolean }>
  state: 'waiting' | 'running' | 'finished'
  finish: FinishReason | null
  /** Tokens whose keys and values lie in `blocks`. */
  computedCount: number
  /** Of the prompt, found in the cache when it was first scheduled. */
  cachedCount: number
  blocks: number[]
  /** Hash of each full block of `tokens`, as far as it was needed. */
  blockHashes: number[]
  preemptions: number
  scheduledUs: number | null
  firstTokenUs: number | null
  lastTokenUs: number | null
  /** When the token before the last came; of use from the second token on. */
  previousTokenUs: number
}

export type SequenceRequest = Readonly<
  Pick<
    Sequence,
    'id' | 'maxTokens' | 'salt' | 'skipsCache' | 'arrivedUs' | 'queuedUs' | 'nextToken'
  > & {
    promptTokens: readonly number[]
  }
>

export function createSequence(request: SequenceRequest): Sequence {
  const { id, maxTokens, salt, skipsCache, arrivedUs, queuedUs, nextToken, promptTokens } = request
  return {
    id,
    tokens: [...promptTokens],
    promptCount: promptTokens.length,
    maxTokens,
    salt,
    skipsCache,
    arrivedUs,
    queuedUs,
    nextToken,
    state: 'waiting',
    finish: null,
    computedCount: 0,
    cachedCount: 0,
    blocks: [],
    blockHashes: [],
    preemptions: 0,
    scheduledUs: null,
    firstTokenUs: null,
    lastTokenUs: null,
    previousTokenUs: 0,
  }
}

/** Hashes of the first `limit` full blocks, each over all tokens up to its end. */
export function hashesOf(
  sequence: Sequence,
  blockTokens: number,
  limit: number,
): readonly number[] {
  const { blockHashes, tokens } = sequence
  while (blockHashes.length < limit) {
    const index = blockHashes.length
    let hash = blockHashes[index - 1] ?? sequence.salt
    const end = (index + 1) * blockTokens
    for (let at = index * blockTokens; at < end; at += 1) hash = hashStep(hash, tokens[at] ?? 0)
    blockHashes.push(hash)
  }
  return blockHashes
}
