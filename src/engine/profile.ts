/**
 * What one simulated server is: its limits, and how long one step of its engine takes. Pure.
 *
 * A step computes some prompt tokens and one token for each sequence that decodes, all in one batch.
 * Its weights are read once however large the batch is, and its arithmetic grows with the tokens, so
 * the larger of the two counts; reading the cached keys and values comes on top.
 */

export type Profile = Readonly<{
  name: string
  /** Where the constants come from, for `--help` and the documentation. */
  origin: string
  modelName: string
  /** Most tokens, prompt and answer together, of one sequence. */
  maxModelTokens: number
  /** Most sequences in one step. */
  maxSequences: number
  /** Most tokens in one step: the budget of chunked prefill. */
  maxStepTokens: number
  /** Tokens in one block of the KV cache. */
  blockTokens: number
  /** Blocks in the whole KV cache. */
  blockCount: number
  /** Fixed cost of a step: scheduling, launches, sampling, sending. µs. */
  stepUs: number
  /** Cost of each sequence in the step. µs. */
  sequenceUs: number
  /** Reading the weights once. µs. */
  weightsUs: number
  /** Arithmetic of one token. µs. */
  tokenUs: number
  /** Reading the cached keys and values of one token. µs. */
  kvTokenUs: number
  /** Attention between one computed token and one that it looks back on. µs. */
  pairUs: number
  /** Between the request's last byte and the scheduler: parsing, tokenizing, handing over. µs. */
  arrivalUs: number
  /**
   * Length of an answer that ends by itself: log-normal. `null`: the model never ends by itself, as
   * one with random weights.
   */
  answerTokens: Readonly<{ median: number; sigma: number }> | null
}>

/** What is in one step. */
export type StepLoad = Readonly<{
  /** Tokens computed, prompt and decode together. */
  tokenCount: number
  sequenceCount: number
  /** Cached tokens that attention reads, summed over the sequences. */
  kvTokenCount: number
  /** Computed tokens times those that each looks back on, summed. */
  pairCount: number
}>

/** @returns how long the step takes, whole µs, at least 1 */
export function stepDurationUs(profile: Profile, load: StepLoad): number {
  const { stepUs, sequenceUs, weightsUs, tokenUs, kvTokenUs, pairUs } = profile
  const { sequenceCount, tokenCount, kvTokenCount, pairCount } = load
  const batchUs = Math.max(weightsUs, tokenUs * tokenCount + pairUs * pairCount)
  const ownUs = stepUs + sequenceUs * sequenceCount
  return Math.max(1, Math.round(ownUs + batchUs + kvTokenUs * kvTokenCount))
}

/** An accelerator as its data sheet gives it. */
export type Accelerator = Readonly<{
  memoryBytes: number
  memoryBytesPerSec: number
  /** Dense 16-bit multiply-adds count as two. */
  flopsPerSec: number
}>

/** A dense transformer as its configuration file gives it; weights and KV cache in 16 bits. */
export type Transformer = Readonly<{
  parameterCount: number
  layerCount: number
  hiddenSize: number
  kvHeadCount: number
  headSize: number
}>

/** Shares of the data sheet's figures that serving reaches: our assumption, not a measurement. */
const MEMORY_SHARE = 0.7
const COMPUTE_SHARE = 0.5
/** vLLM's default share of memory that it may use, and a guess at what activations take of it. */
const USABLE_MEMORY_SHARE = 0.92
const ACTIVATION_BYTES = 2e9
const BYTES_PER_NUMBER = 2

/** The constants of a step, from public figures: the roofline of one model on some accelerators. */
export function rooflineOf(
  accelerator: Accelerator,
  model: Transformer,
  options: Readonly<{ acceleratorCount: number; blockTokens: number }>,
): Pick<Profile, 'weightsUs' | 'tokenUs' | 'kvTokenUs' | 'pairUs' | 'blockTokens' | 'blockCount'> {
  const { acceleratorCount, blockTokens } = options
  const weightBytes = model.parameterCount * BYTES_PER_NUMBER
  const kvBytes = 2 * model.layerCount * model.kvHeadCount * model.headSize * BYTES_PER_NUMBER
  const readBytesPerUs =
    (accelerator.memoryBytesPerSec * acceleratorCount * MEMORY_SHARE) / 1_000_000
  const flopsPerUs = (accelerator.flopsPerSec * acceleratorCount * COMPUTE_SHARE) / 1_000_000
  const cacheBytes =
    (accelerator.memoryBytes * USABLE_MEMORY_SHARE - ACTIVATION_BYTES) * acceleratorCount -
    weightBytes
  return {
    weightsUs: weightBytes / readBytesPerUs,
    tokenUs: (2 * model.parameterCount) / flopsPerUs,
    kvTokenUs: kvBytes / readBytesPerUs,
    // Scores and weighted sums: two products of the hidden size each, in every layer.
    pairUs: (4 * model.layerCount * model.hiddenSize) / flopsPerUs,
    blockTokens,
    blockCount: Math.floor(cacheBytes / (kvBytes * blockTokens)),
  }
}
