/** Everything that must be true before the first request, and what is learned on the way. Effects: network. */
import { TraceError } from '../base/errors.ts'
import { formatCount } from '../base/format.ts'
import type { HttpClient } from '../base/http.ts'
import { addressHash } from '../trace/address-hash.ts'
import type { EndpointName } from '../trace/columns.ts'
import type { Plan, RequestShape } from '../workload/plan.ts'
import type { BuildTarget } from './body-builder.ts'
import { findDialect } from './dry-request.ts'
import { mapModels } from './model-map.ts'
import type { ReplayOptions } from './options.ts'
import { PATHS } from './request-body.ts'
import { probeTarget, rootUrl, type TargetFacts } from './target-facts.ts'
import { GUESSED_FRAME, measureFrame, type TextFrame } from './text-frame.ts'
import { serverTokenizer, type TokenizerClient } from './tokenizer-client.ts'
import { guessedVocabulary, learnVocabulary, type Vocabulary } from './vocabulary.ts'

export type Preflight = Readonly<{
  facts: TargetFacts
  target: BuildTarget
  /** The model that each of the plan's shapes asks for. */
  models: readonly string[]
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
  const { targetUrl } = options
  refuseSource(plan, options)
  const facts = await probeTarget(client, targetUrl)
  const named = plan.shapes.map(({ adapter, model }) => adapter ?? model)
  const recorded = [...new Set(named.filter((name) => name !== null))]
  const { models, defaultModel } = mapModels(facts, recorded, options.modelMap)
  const modelOf = named.map((name) =>
    name === null ? defaultModel : (models[name] ?? defaultModel),
  )
  const maxModelTokens = contextOf(facts, modelOf)
  const tooLongCount = checkLengths(plan, options, facts, maxModelTokens)
  const tokenizer = serverTokenizer(client, rootUrl(targetUrl, '/'), modelOf[0] ?? defaultModel)
  const learned = facts.isVllm ? await learnVocabulary(tokenizer) : null
  const vocabulary = learned ?? guessedVocabulary()
  const samples = sampleShapes(plan, modelOf)
  const dialect = await findDialect(client, facts, samples, vocabulary)
  const frames = learned === null ? GUESSED_FRAMES : await measureFrames(tokenizer, learned, plan)
  return {
    facts,
    models: modelOf,
    target: {
      host: targetUrl.host,
      basePath: facts.basePath,
      dialect,
      maxModelTokens,
      models,
      defaultModel,
      vocabulary,
      frames,
      extraHeaders,
    },
    notes: notesOf(facts, learned, frames, plan, tooLongCount),
  }
}

function refuseSource({ source }: Plan, { targetUrl, mayHitSource }: ReplayOptions): void {
  if (mayHitSource || source.addressHash === null || source.addressSalt === null) return
  const port = Number(targetUrl.port || (targetUrl.protocol === 'https:' ? 443 : 80))
  if (addressHash(source.addressSalt, targetUrl.hostname, port) !== source.addressHash) return
  throw new TraceError('TARGET_UNFIT', `${targetUrl.origin} is the server that was recorded`, {
    hint: 'If it may be loaded a second time, say so with --allow-source.',
  })
}

function contextOf(facts: TargetFacts, models: readonly string[]): number | null {
  const used = facts.models.filter(({ id }) => models.includes(id))
  const known = used.map(({ maxModelTokens }) => maxModelTokens).filter((tokens) => tokens !== null)
  return known.length === 0 ? null : Math.min(...known)
}

/** @returns how many do not fit */
function checkLengths(
  plan: Plan,
  { tooLong }: ReplayOptions,
  facts: TargetFacts,
  maxModelTokens: number | null,
): number {
  if (maxModelTokens === null) return 0
  const { promptTokens, outputTokens, flags } = plan.columns
  let count = 0
  let longest = 0
  for (let index = 0; index < plan.count; index += 1) {
    const isHangUp = ((flags[index] ?? 0) & HANG_UPS) !== 0
    const output = isHangUp ? 1 : (outputTokens[index] ?? 0)
    const tokens = (promptTokens[index] ?? 0) + output
    if (tokens > maxModelTokens) count += 1
    longest = Math.max(longest, tokens)
  }
  if (count > 0 && tooLong === 'refuse') {
    throw new TraceError(
      'TARGET_UNFIT',
      `${formatCount(count)} of ${formatCount(plan.count)} requests, the longest of ` +
        `${formatCount(longest)} tokens, do not fit the context of ${facts.url.origin}: ` +
        formatCount(maxModelTokens),
      { hint: 'Serve a longer context, or leave them out with --too-long skip.' },
    )
  }
  return count
}

/** ABORT_BY_TIME and ABORT_BY_TOKENS: these ask for what is left of the context. */
const HANG_UPS = 3

/** One shape for each endpoint and for each use of a priority: what a server may refuse. */
function sampleShapes(plan: Plan, models: readonly string[]) {
  const samples = new Map<string, { shape: RequestShape; model: string }>()
  for (const [at, shape] of plan.shapes.entries()) {
    const key = `${shape.endpoint} ${shape.isStream} ${shape.priority !== null}`
    if (!samples.has(key)) samples.set(key, { shape, model: models[at] ?? '' })
  }
  return [...samples.values()].filter(({ shape }) => PATHS[shape.endpoint] !== null)
}

type Frames = Readonly<Partial<Record<EndpointName, TextFrame>>>

const TEMPLATED = ['chat', 'responses', 'messages'] as const
const GUESSED_FRAMES: Frames = Object.fromEntries(TEMPLATED.map((name) => [name, GUESSED_FRAME]))

async function measureFrames(
  tokenizer: TokenizerClient,
  vocabulary: Vocabulary,
  plan: Plan,
): Promise<Frames> {
  const used = new Set(plan.shapes.map(({ endpoint }) => endpoint))
  const templated = TEMPLATED.filter((name) => used.has(name))
  if (templated.length === 0) return {}
  // All three end in the same template, as one message of the user.
  const frame = await measureFrame(tokenizer, vocabulary, (content) => [{ role: 'user', content }])
  return Object.fromEntries(templated.map((name) => [name, frame]))
}

function notesOf(
  facts: TargetFacts,
  learned: Vocabulary | null,
  frames: Frames,
  plan: Plan,
  tooLongCount: number,
): string[] {
  const isRough = learned === null || Object.values(frames).some((frame) => !frame.isExact)
  return [
    ...(facts.isVllm ? [] : ['not vLLM: lengths are asked for, and answers may stop early']),
    ...(isRough ? ['prompt sizes are estimates: this target does not tokenize for us'] : []),
    ...(facts.hasMetrics ? [] : ['no /metrics here: nothing to check our own counts against']),
    ...(tooLongCount === 0 ? [] : [`${formatCount(tooLongCount)} too long for it: not sent`]),
    ...Object.entries(plan.skipped).map(
      ([reason, count]) => `${formatCount(count)} left out: ${reason}`,
    ),
  ]
}
