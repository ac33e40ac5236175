/** What must be known of one model on one server before bodies can be written for it. Effects: network, the tokenizer that it is given. */
import { TraceError } from '../base/errors.ts'
import type { HttpClient } from '../base/http.ts'
import type { RequestShape } from '../workload/plan.ts'
import type { BuildTarget } from './body-builder.ts'
import { corpusVocabulary } from './corpus.ts'
import { findDialect } from './dry-request.ts'
import { guessedFrames, measureFrames, measureToolFrames } from './frames.ts'
import { isChained, isSendable } from './request-body.ts'
import { keepsResponses } from './response-store.ts'
import { rootUrl, type TargetFacts } from './target-facts.ts'
import { serverTokenizer, type TokenizerClient } from './tokenizer-client.ts'
import { proveFrames } from './usage-proof.ts'
import { guessedVocabulary, type Vocabulary } from './vocabulary.ts'
import { cachedVocabulary } from './word-cache.ts'

type LearnedTarget = Omit<BuildTarget, 'server' | 'maxModelTokens' | 'extraHeaders'>

export type LearnWish = Readonly<{
  model: string
  shapes: readonly RequestShape[]
  corpus: string | null
  timeoutUs: number
  /** The model's own, which is asked instead of the server's. */
  local: TokenizerClient | null
  /** Where learned words are kept from run to run; null: nowhere. */
  cacheFolder: string | null
}>

/** @throws TraceError TARGET_UNFIT where it refuses a small request, BAD_OPTION where --text is too poor */
export async function learnTarget(
  client: HttpClient,
  facts: TargetFacts,
  wish: LearnWish,
): Promise<LearnedTarget> {
  const { model, shapes, corpus, timeoutUs, local } = wish
  const { basePath, url } = facts
  const own = facts.isVllm ? serverTokenizer(client, rootUrl(url, '/'), model) : null
  const tokenizer = local ?? own
  const words =
    tokenizer === null ? null : await cachedVocabulary(tokenizer, model, wish.cacheFolder)
  const vocabulary = await chooseWords(words, corpus, tokenizer)
  const samples = sampleShapes(shapes)
  const dialect = await findDialect(client, facts, model, samples, vocabulary, timeoutUs)
  const guessed = { frames: guessedFrames(shapes), toolFrames: {} }
  const measured =
    vocabulary.ids === null || tokenizer === null
      ? guessed
      : {
          frames: await measureFrames(tokenizer, vocabulary, shapes),
          toolFrames: await measureToolFrames(tokenizer, vocabulary, shapes),
        }
  const target = { host: url.host, basePath, model, dialect, vocabulary, ...measured }
  const proven = await proveFrames(target, {
    client,
    url,
    shapes,
    timeoutUs,
    isKnown: ({ endpoint }, frame) => local === null && endpoint === 'chat' && frame.isExact,
  })
  const isKept = shapes.some(isChained) && (await keepsResponses(client, facts, model, timeoutUs))
  return { ...target, ...proven, keepsResponses: isKept }
}

/** @throws TraceError BAD_OPTION where the text that was brought has too few words that are one token each */
async function chooseWords(
  learned: Vocabulary | null,
  corpus: string | null,
  tokenizer: TokenizerClient | null,
): Promise<Vocabulary> {
  if (corpus === null) return learned ?? guessedVocabulary()
  const vocabulary = await corpusVocabulary(corpus, learned === null ? null : tokenizer)
  if (vocabulary !== null) return vocabulary
  throw new TraceError('BAD_OPTION', '--text has fewer than 64 words that are one token each', {
    hint: "Plain text of a few thousand words in the model's language does.",
  })
}

/** One shape for each endpoint and for each use of a priority: what a server may refuse. */
function sampleShapes(shapes: readonly RequestShape[]): RequestShape[] {
  const samples = new Map<string, RequestShape>()
  for (const shape of shapes) {
    const key = `${shape.endpoint} ${shape.isStream} ${shape.priority !== null} ${shape.tools > 0}`
    if (isSendable(shape) && !samples.has(key)) samples.set(key, shape)
  }
  return [...samples.values()]
}
