/** Everything that must be true before the first request, and what is learned on the way. Effects: network. */
import { readText } from '../base/files.ts'
import { formatCount } from '../base/format.ts'
import type { HttpClient } from '../base/http.ts'
import type { Plan } from '../workload/plan.ts'
import type { BuildTarget } from './body-builder.ts'
import { DRY_TIMEOUT_US } from './dry-request.ts'
import { checkLengths, refuseSource } from './fit-check.ts'
import { learnTarget } from './learn-target.ts'
import { mapModels } from './model-map.ts'
import type { ReplayOptions } from './options.ts'
import { isChained, wasStructured } from './request-body.ts'
import { chooseTarget, type NamedTarget } from './target-choice.ts'
import { probeTarget, type TargetFacts } from './target-facts.ts'
import type { TokenizerClient } from './tokenizer-client.ts'

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

export type PreflightHelp = Readonly<{
  client: HttpClient
  extraHeaders: BuildTarget['extraHeaders']
  /** The tokenizer of ours for a model, by the name that its server has for it. */
  localOf: (model: string) => TokenizerClient | null
  /** Where learned words are kept from run to run; null: nowhere. */
  cacheFolder: string | null
}>

/** @throws TraceError TARGET_DOWN or TARGET_UNFIT; nothing but small probes has been sent then */
export async function preflight(
  plan: Plan,
  options: ReplayOptions,
  { client, extraHeaders, localOf, cacheFolder }: PreflightHelp,
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
    const model = modelOf[at]!
    const wish = { model, shapes, corpus, timeoutUs, local: localOf(model), cacheFolder }
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
    if (!mayHitSource) refuseSource(plan, url, null)
    const facts = await probeTarget(client, url)
    const served = facts.models.map(({ id }) => id)
    if (!mayHitSource) refuseSource(plan, url, served)
    return { name, facts }
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

function notesOf(
  plan: Plan,
  servers: readonly ReadyServer[],
  targets: readonly BuildTarget[],
  tooLongCount: number,
): string[] {
  const isRough = targets.some(({ frames, toolFrames }) =>
    [...Object.values(frames), ...Object.values(toolFrames)].some(({ isExact }) => !isExact),
  )
  const hasPictures = plan.shapes.some(({ imageSizes }) => imageSizes !== null)
  const facts = servers.map((server) => server.facts)
  return [
    ...(facts.every(({ isVllm }) => isVllm)
      ? []
      : ['not vLLM: lengths are asked for, and answers may stop early']),
    ...(isRough ? ['prompt sizes are estimates; --tokenizer DIR|ID may make them exact'] : []),
    ...(isSaidAgain(plan, targets)
      ? ['responses are not kept here: turns quote what they would name by previous_response_id']
      : []),
    ...(plan.shapes.some(wasStructured)
      ? ['structured output was asked for: it is not here, so gaps between tokens are SUSPECT']
      : []),
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

/** The recording went by names that this target does not keep. */
function isSaidAgain({ mode, shapes }: Plan, targets: readonly BuildTarget[]): boolean {
  if (mode.kind !== 'session' || !shapes.some(isChained)) return false
  return targets.some(({ keepsResponses }) => keepsResponses !== true)
}
