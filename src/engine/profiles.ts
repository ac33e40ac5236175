/** The servers that can be simulated, by name. Pure. */
import { type Accelerator, type Profile, type Transformer, rooflineOf } from './profile.ts'

const L4: Accelerator = { memoryBytes: 24e9, memoryBytesPerSec: 300e9, flopsPerSec: 121e12 }
const H100: Accelerator = { memoryBytes: 80e9, memoryBytesPerSec: 3_350e9, flopsPerSec: 989e12 }

const LLAMA_3B: Transformer = {
  parameterCount: 3.21e9,
  layerCount: 28,
  hiddenSize: 3_072,
  kvHeadCount: 8,
  headSize: 128,
}
const LLAMA_8B: Transformer = {
  parameterCount: 8.03e9,
  layerCount: 32,
  hiddenSize: 4_096,
  kvHeadCount: 8,
  headSize: 128,
}
const LLAMA_70B: Transformer = {
  parameterCount: 70.6e9,
  layerCount: 80,
  hiddenSize: 8_192,
  kvHeadCount: 8,
  headSize: 128,
}

const ROOFLINE = 'roofline of public figures'

/** Close to the output lengths of the public Azure 2023 conversation trace: median 129 tokens. */
const CHAT_ANSWERS = { median: 129, sigma: 0.9 }

export const PROFILES: readonly Profile[] = [
  {
    name: 'l4-3b',
    origin: `Llama 3.2 3B on one L4; ${ROOFLINE}`,
    modelName: 'llama-3.2-3b',
    maxModelTokens: 32_768,
    maxSequences: 256,
    maxStepTokens: 2_048,
    ...rooflineOf(L4, LLAMA_3B, { acceleratorCount: 1, blockTokens: 16 }),
    stepUs: 2_000,
    sequenceUs: 20,
    arrivalUs: 1_500,
    answerTokens: CHAT_ANSWERS,
  },
  {
    name: 'h100-8b',
    origin: `Llama 3.1 8B on one H100 SXM; ${ROOFLINE}`,
    modelName: 'llama-3.1-8b',
    maxModelTokens: 131_072,
    maxSequences: 1_024,
    maxStepTokens: 8_192,
    ...rooflineOf(H100, LLAMA_8B, { acceleratorCount: 1, blockTokens: 16 }),
    stepUs: 1_500,
    sequenceUs: 6,
    arrivalUs: 1_000,
    answerTokens: CHAT_ANSWERS,
  },
  {
    name: 'h100x4-70b',
    origin: `Llama 3.1 70B on four H100 SXM; ${ROOFLINE}, 3 ms a step to join them`,
    modelName: 'llama-3.1-70b',
    maxModelTokens: 131_072,
    maxSequences: 1_024,
    maxStepTokens: 8_192,
    ...rooflineOf(H100, LLAMA_70B, { acceleratorCount: 4, blockTokens: 16 }),
    stepUs: 4_500,
    sequenceUs: 8,
    arrivalUs: 1_000,
    answerTokens: CHAT_ANSWERS,
  },
  {
    name: 'tiny-cpu',
    origin: 'vLLM 0.32 on two CPU cores, random weights; fitted to our measurements',
    modelName: 'tiny',
    maxModelTokens: 8_192,
    maxSequences: 128,
    maxStepTokens: 4_096,
    blockTokens: 128,
    blockCount: 16_384,
    stepUs: 3_000,
    sequenceUs: 1_150,
    weightsUs: 0,
    tokenUs: 5,
    kvTokenUs: 0,
    pairUs: 0.0155,
    arrivalUs: 4_000,
    answerTokens: null,
  },
  {
    name: 'steady-20ms',
    origin: 'no real server: each step takes 20 ms, to measure clients against',
    modelName: 'steady',
    maxModelTokens: 131_072,
    maxSequences: 4_096,
    maxStepTokens: 1_048_576,
    blockTokens: 16,
    blockCount: 1_048_576,
    stepUs: 20_000,
    sequenceUs: 0,
    weightsUs: 0,
    tokenUs: 0,
    kvTokenUs: 0,
    pairUs: 0,
    arrivalUs: 0,
    answerTokens: null,
  },
]
