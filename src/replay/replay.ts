/**
 * Sends a plan to a target and writes a trace of what happened.
 * Effects: network, threads, one file, progress on stderr.
 */
import { hash } from 'node:crypto'
import { EXIT, TraceError } from '../base/errors.ts'
import { readText, refuseExisting } from '../base/files.ts'
import { formatCount, formatDuration } from '../base/format.ts'
import { HttpClient, type HttpOptions } from '../base/http.ts'
import { resolveHost } from '../base/socket.ts'
import type { World } from '../base/world.ts'
import { containerByName } from '../trace/container.ts'
import { newHeader, type TraceHeader } from '../trace/header.ts'
import type { Plan } from '../workload/plan.ts'
import type { BodyWorkerData } from './body-worker.ts'
import type { Fidelity } from './fidelity.ts'
import type { ReplayOptions } from './options.ts'
import { freeOutPath } from './out-path.ts'
import { preflight, type Preflight } from './preflight.ts'
import { RunWatch } from './run-watch.ts'
import type { SendTarget } from './send-worker.ts'
import { rootUrl } from './target-facts.ts'
import { ReplayThreads } from './threads.ts'

export type ReplayEnd = Readonly<{
  outPath: string
  fidelity: Fidelity
  /** 130 or 143 if a signal ended it, else 0. */
  exitCode: number
}>

/** From the last thread that is ready to due 0: connections are opened in it. */
const HEAD_START_US = 600_000

/** @throws TraceError before the first request; afterwards every failure is an outcome */
export async function replay(plan: Plan, options: ReplayOptions, world: World): Promise<ReplayEnd> {
  const outPath = options.outPath ?? freeOutPath(plan.source.path)
  containerByName(outPath)
  refuseExisting(outPath, options.isForced)
  const tls = await readTls(options)
  const headers = await readHeaders(options)
  const http: HttpOptions = {
    headers: Object.fromEntries(headers),
    tls: { ...tls, isInsecure: options.tls.isInsecure },
  }
  const client = new HttpClient(http)
  try {
    const ready = await preflight(plan, options, client, headers)
    const host = await resolveHost(options.targetUrl.hostname)
    const runId = hash('sha256', `${plan.sha256} ${world.clock.wallUs()}`, 'hex').slice(0, 12)
    const textSeed = options.textSeed ?? runId
    world.stderr.write(planText(plan, ready, textSeed))
    const target = { host, tls }
    const tokenizer = tokenizerWish(options, ready, http)
    const common = { plan, options, world, client, ready, outPath }
    return await run({ ...common, runId, textSeed, tokenizer, target })
  } finally {
    await client.close()
  }
}

type Run = Readonly<{
  plan: Plan
  options: ReplayOptions
  world: World
  client: HttpClient
  ready: Preflight
  outPath: string
  runId: string
  textSeed: string
  tokenizer: BodyWorkerData['tokenizers'][number]
  target: Readonly<{ host: string; tls: TlsFiles }>
}>

async function run(all: Run): Promise<ReplayEnd> {
  const { plan, options, world, client, ready, outPath, runId, textSeed } = all
  const isPolling = options.pacing === 'precise'
  const threads = new ReplayThreads({
    plan,
    options,
    outPath,
    header: headerOf(all),
    models: ready.models,
    targetNames: plan.shapes.map(() => options.targetUrl.host),
    tokenizers: [all.tokenizer],
    targets: [sendTarget(options, all.target)],
    build: {
      targets: [ready.target],
      targetOfShape: plan.shapes.map(() => 0),
      runId,
      textSeed,
      prefix: options.prefix,
      isLastOnConnection: options.connections === 'fresh',
    },
  })
  const watch = new RunWatch({ plan, world, client, ready, counters: threads.counters, isPolling })
  try {
    await threads.ready()
    await watch.before()
    const startUs = startOf(options, world)
    const originWallUs = Math.round(world.clock.wallUs() + startUs - world.clock.nowUs())
    threads.start(startUs)
    const exitCode = await watch.during(startUs, threads)
    const { samples, events } = await watch.after(startUs)
    const fidelity = await threads.finish(
      { originWallUs, interrupted: exitCode !== EXIT.pass },
      samples,
      events,
    )
    return { outPath, fidelity, exitCode }
  } catch (error) {
    await threads.abandon()
    throw error
  } finally {
    await threads.close()
  }
}

/** @throws TraceError BAD_OPTION if the agreed start has passed: the parts of a run begin together or not at all */
function startOf({ startAtWallUs }: ReplayOptions, { clock }: World): number {
  const soonUs = Math.ceil(clock.nowUs() + HEAD_START_US)
  if (startAtWallUs === null) return soonUs
  const startUs = Math.round(startAtWallUs - clock.wallUs() + clock.nowUs())
  if (startUs >= soonUs) return startUs
  throw new TraceError('BAD_OPTION', '--start-at has passed, or is too near to get ready', {
    hint: 'Choose an instant some seconds ahead, the same for all shards.',
  })
}

function planText(plan: Plan, { facts, notes }: Preflight, textSeed: string): string {
  const seconds = plan.spanUs / 1_000_000
  const rate = seconds > 0 ? ` · ${formatCount(plan.count / seconds, 1)}/s` : ''
  const software = facts.isVllm ? `vLLM ${facts.version ?? ''}`.trim() : 'an OpenAI-like server'
  return [
    `plan  ${formatCount(plan.count)} requests · ${formatDuration(plan.spanUs)}${rate} · ` +
      `schedule ${plan.sha256.slice(0, 8)}… → ${facts.url.origin} (${software})`,
    `      words from text seed ${textSeed}; --text-seed repeats them, and meets the cache they left`,
    ...notes.map((note) => `      ${note}`),
    '',
  ].join('\n')
}

function headerOf({ plan, options, ready, runId, textSeed }: Run): TraceHeader {
  const { facts, target, models } = ready
  const { version, blockTokens, fingerprint } = facts
  const empty = newHeader('replayed')
  return {
    ...empty,
    seed: plan.seed,
    planSha256: plan.sha256,
    shard: plan.shard,
    transforms: plan.steps,
    server: {
      ...empty.server,
      software: facts.isVllm ? 'vllm' : null,
      version,
      models: [...new Set(models)],
      maxModelTokens: target.maxModelTokens,
      blockTokens,
      fingerprint,
    },
    labels: { run: runId, textSeed, source: plan.source.rowDigest ?? '', prefix: options.prefix },
  }
}

/** What the thread that builds bodies needs to count quoted answers; null where nobody would tell it. */
function tokenizerWish(options: ReplayOptions, { target, models }: Preflight, http: HttpOptions) {
  if (target.vocabulary.ids === null) return null
  const url = rootUrl(options.targetUrl, '/').href
  return { url, model: models[0] ?? target.defaultModel, http }
}

type TlsFiles = Readonly<{ ca?: string; cert?: string; key?: string }>

async function readTls({ tls }: ReplayOptions): Promise<TlsFiles> {
  return {
    ...(tls.caPath === null ? {} : { ca: await readText('--tls-ca', tls.caPath) }),
    ...(tls.certPath === null ? {} : { cert: await readText('--tls-cert', tls.certPath) }),
    ...(tls.keyPath === null ? {} : { key: await readText('--tls-key', tls.keyPath) }),
  }
}

async function readHeaders({
  headers,
  apiKeyPath,
}: ReplayOptions): Promise<ReplayOptions['headers']> {
  if (apiKeyPath === null) return headers
  const [key = ''] = (await readText('--api-key-file', apiKeyPath)).split('\n')
  return [...headers, ['authorization', `Bearer ${key.trim()}`]]
}

function sendTarget(options: ReplayOptions, { host, tls }: Run['target']): SendTarget {
  const { protocol, hostname, port } = options.targetUrl
  const isTls = protocol === 'https:'
  return {
    host,
    port: Number(port || (isTls ? 443 : 80)),
    tls: isTls ? { ...tls, serverName: hostname, isInsecure: options.tls.isInsecure } : null,
  }
}
