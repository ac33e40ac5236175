/** Everything that must be true before the first request, and what is learned on the way. Effects: network. */
import { TraceError } from '../base/errors.ts'
import { readText } from '../base/files.ts'
import { formatCount } from '../base/format.ts'
import type { HttpClient } from '../base/http.ts'
import type { Plan, RequestShape } from '../workload/plan.ts'
import type { BuildTarget } from './body-builder.ts'
import { corpusVocabulary } from './corpus.ts'
import { DRY_TIMEOUT_US, findDialect } from './dry-request.ts'
import { checkLengths, refuseSource } from './fit-check.ts'
import { GUESSED_FRAMES, measureFrames, measureToolFrames } from './frames.ts'
import { mapModels } from './model-map.ts'
import type { ReplayOptions } from './options.ts'
import { isSendable } from './request-body.ts'
import { chooseTarget, type NamedTarget } from './target-choice.ts'
import { probeTarget, rootUrl, type TargetFacts } from './target-facts.ts'
import { serverTokenizer, type TokenizerClient } from './tokenizer-client.ts'
import { guessedVocabulary, learnVocabulary, type Vocabulary } from './vocabulary.ts'

export type ReadyServer = Readonly<{ name: string | null; facts: TargetFacts }>

export type Preflight = Readonly<{
  servers: readonly ReadyServer[]
  /** One for each server and model in use. */
  targets: readonly BuildTarget[]
  /** Index in `targets` for each of the plan's shapes. */
  targetOfShape: readonly number[]
  /** What the user should know, in sentences. */
  notes: readonly string[]
}>

/** @throws TraceError TARGET_DOWN or TARGET_UNFIT; nothing but small probes has been sent then */
export async function preflight(
  plan: Plan,
  options: ReplayOptions,
  client: HttpClient,
  extraHeaders: BuildTarget['extraHeaders'],
): Promise<Preflight> {
  const serverOf = plan.shapes.map((shape) => chooseTarget(options.targets, shape))
  const servers = await probeAll(plan, options, client)
  const modelOf = modelsOf(plan, options, servers, serverOf)
  const contextOf = (at: number) => contextTokens(servers[serverOf[at]!]!.facts, modelOf[at]!)
  const tooLongCount = checkLengths(plan, contextOf, options.tooLong === 'skip')
  const corpus = options.textPath === null ? null : await readText('--text', options.textPath)
  const keys = plan.shapes.map((_, at) => JSON.stringify([serverOf[at], modelOf[at]]))
  const distinct = [...new Set(keys)]
  const targets: BuildTarget[] = []
  for (const key of distinct) {
    const at = keys.indexOf(key)
    const server = serverOf[at]!
    const shapes = plan.shapes.filter((_, other) => keys[other] === key)
    const { facts } = servers[server]!
    const timeoutUs = Math.min(options.timeoutUs, DRY_TIMEOUT_US)
    const wish = { model: modelOf[at]!, shapes, corpus, timeoutUs }
    const learned = await learnTarget(client, facts, wish)
    targets.push({ ...learned, server, maxModelTokens: contextOf(at), extraHeaders })
  }
  return {
    servers,
    targets,
    targetOfShape: keys.map((key) => distinct.indexOf(key)),
    notes: notesOf(plan, servers, targets, tooLongCount),
  }
}

async function probeAll(
  plan: Plan,
  { targets, mayHitSource }: ReplayOptions,
  client: HttpClient,
): Promise<ReadyServer[]> {
  const probe = async ({ name, url }: NamedTarget) => {
    if (!mayHitSource) refuseSource(plan, url)
    return { name, facts: await probeTarget(client, url) }
  }
  return Promise.all(targets.map(probe))
}

/** The served name for each of the plan's shapes. */
function modelsOf(
  { shapes }: Plan,
  { modelMap }: ReplayOptions,
  servers: readonly ReadyServer[],
  serverOf: readonly number[],
): string[] {
  return shapes.map(({ adapter, model }, at) => {
    const recorded = adapter ?? model
    const { facts } = servers[serverOf[at]!]!
    const { models, defaultModel } = mapModels(facts, recorded === null ? [] : [recorded], modelMap)
    return recorded === null ? defaultModel : (models[recorded] ?? defaultModel)
  })
}

function contextTokens(facts: TargetFacts, model: string): number | null {
  return facts.models.find(({ id }) => id === model)?.maxModelTokens ?? null
}

type Learned = Omit<BuildTarget, 'server' | 'maxModelTokens' | 'extraHeaders'>

type LearnWish = Readonly<{
  model: string
  shapes: readonly RequestShape[]
  corpus: string | null
  timeoutUs: number
}>

async function learnTarget(
  client: HttpClient,
  facts: TargetFacts,
  { model, shapes, corpus, timeoutUs }: LearnWish,
): Promise<Learned> {
  const tokenizer = serverTokenizer(client, rootUrl(facts.url, '/'), model)
  const words = facts.isVllm ? await learnVocabulary(tokenizer) : null
  const vocabulary = await chooseWords(words, corpus, tokenizer)
  const learned = vocabulary.ids === null ? null : vocabulary
  const dialect = await findDialect(
    client,
    facts,
    model,
    sampleShapes(shapes),
    vocabulary,
    timeoutUs,
  )
  const { basePath, url } = facts
  return {
    host: url.host,
    basePath,
    model,
    dialect,
    vocabulary,
    frames: learned === null ? GUESSED_FRAMES : await measureFrames(tokenizer, learned, shapes),
    toolFrames: learned === null ? {} : await measureToolFrames(tokenizer, learned, shapes),
  }
}

/** @throws TraceError BAD_OPTION where the text that was brought has too few words that are one token each */
async function chooseWords(
  learned: Vocabulary | null,
  corpus: string | null,
  tokenizer: TokenizerClient,
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

function notesOf(
  plan: Plan,
  servers: readonly ReadyServer[],
  targets: readonly BuildTarget[],
  tooLongCount: number,
): string[] {
  const isRough = targets.some(
    ({ vocabulary, frames, toolFrames }) =>
      vocabulary.ids === null ||
      [...Object.values(frames), ...Object.values(toolFrames)].some(({ isExact }) => !isExact),
  )
  const hasPictures = plan.shapes.some(({ imageSizes }) => imageSizes !== null)
  const facts = servers.map((server) => server.facts)
  return [
    ...(facts.every(({ isVllm }) => isVllm)
      ? []
      : ['not vLLM: lengths are asked for, and answers may stop early']),
    ...(isRough ? ['prompt sizes are estimates: this target does not tokenize for us'] : []),
    ...(hasPictures ? ['tokens of pictures are an estimate: each model counts its own way'] : []),
    ...(facts.every(({ hasMetrics }) => hasMetrics)
      ? []
      : ['no /metrics here: nothing to check our own counts against']),
    ...(tooLongCount === 0 ? [] : [`${formatCount(tooLongCount)} too long for it: not sent`]),
    ...Object.entries(plan.skipped).map(
      ([reason, count]) => `${formatCount(count)} left out: ${reason}`,
    ),
  ]
}
