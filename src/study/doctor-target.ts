/** Tries each step on the way to a target, and says where it ends. Effects: network. */
import type { Clock } from '../base/clock.ts'
import { TraceError } from '../base/errors.ts'
import { readText } from '../base/files.ts'
import { formatCount, formatDuration } from '../base/format.ts'
import { HttpClient } from '../base/http.ts'
import { reasonOf } from '../base/reason.ts'
import { bareHost, dial, resolveHost, tlsContext } from '../base/socket.ts'
import { blockTokensOf, parseMetrics } from '../replay/server-metrics.ts'
import { basePathOf, rootUrl } from '../replay/target-facts.ts'
import type { DoctorOptions } from './doctor-options.ts'

export type StepState = 'ok' | 'missing' | 'failed'

export type TargetStep = Readonly<{
  name: string
  state: StepState
  /** What was found, or what it costs that it was not. */
  finding: string
  tookUs: number
}>

export type TargetReport = Readonly<{
  url: string
  steps: readonly TargetStep[]
  verdict: 'fit' | 'down' | 'unfit'
  /** What to do about it. */
  advice: string
}>

const CONNECT_LIMIT_US = 10_000_000
const HTTP_PORT = 80
const HTTPS_PORT = 443

type Finding = Readonly<{ state: StepState; finding: string }>

type Visit = Readonly<{
  url: URL
  client: HttpClient
  clock: Clock
  options: DoctorOptions
  ca: string | null
}>

const ADVICE = {
  fit: '',
  name: 'Is the name right? Inside a cluster, a service is named SERVICE.NAMESPACE.',
  connect: 'Is it listening there, and does a firewall let you through?',
  tls: 'Name the certificate that signed it with --tls-ca, or try --tls-insecure.',
  '/health': "Look at the server's log.",
  '/v1/models': 'Is this the address of an OpenAI-compatible server, and does it want a key?',
} as const

/** Steps that a replay cannot do without, and what it means if they fail. */
const NEEDED: Readonly<Record<string, 'down' | 'unfit'>> = {
  name: 'down',
  connect: 'down',
  tls: 'down',
  '/health': 'unfit',
  '/v1/models': 'unfit',
}

/** @throws TraceError BAD_OPTION if a file that was named cannot be read */
export async function checkTarget(
  url: URL,
  options: DoctorOptions,
  clock: Clock,
): Promise<TargetReport> {
  const { apiKeyPath, tlsCaPath, isInsecure } = options
  const ca = tlsCaPath === null ? null : await readText('--tls-ca', tlsCaPath)
  const key = apiKeyPath === null ? null : (await readText('--api-key-file', apiKeyPath)).trim()
  const client = new HttpClient({
    tls: { isInsecure, ...(ca === null ? {} : { ca }) },
    headers: key === null ? {} : { authorization: `Bearer ${key}` },
  })
  try {
    return await walk({ url, client, clock, options, ca })
  } finally {
    await client.close()
  }
}

async function walk(visit: Visit): Promise<TargetReport> {
  const { url, clock } = visit
  const steps: TargetStep[] = []
  for (const [name, check] of Object.entries(stepsFor(url))) {
    const startUs = clock.nowUs()
    const found = await check(visit).catch((error: unknown) => failure(error))
    steps.push({ name, ...found, tookUs: clock.nowUs() - startUs })
    const verdict = NEEDED[name]
    if (found.state !== 'ok' && verdict !== undefined) {
      const advice = ADVICE[name as keyof typeof ADVICE]
      return { url: url.origin, steps, verdict, advice }
    }
  }
  return { url: url.origin, steps, verdict: 'fit', advice: ADVICE.fit }
}

function failure(error: unknown): Finding {
  const reason = error instanceof TraceError ? error.message : reasonOf(error)
  return {
    state: 'failed',
    finding: reason.replace(/^cannot reach [^:]+(?::\/\/[^:]+(?::\d+)?)?: /, ''),
  }
}

type Check = (visit: Visit) => Promise<Finding>

function stepsFor(url: URL): Record<string, Check> {
  return {
    name: resolveName,
    connect,
    ...(url.protocol === 'https:' ? { tls: handshake } : {}),
    '/health': health,
    '/version': version,
    '/v1/models': models,
    '/tokenize': tokenize,
    '/metrics': metrics,
  }
}

async function resolveName({ url }: Visit): Promise<Finding> {
  const address = await resolveHost(url.hostname)
  const isName = address !== bareHost(url.hostname)
  return ok(isName ? `${url.hostname} is ${address}` : `${address}, no name to look up`)
}

async function connect(visit: Visit): Promise<Finding> {
  return knock(visit, false)
}

async function handshake(visit: Visit): Promise<Finding> {
  return knock(visit, true)
}

/** One connection, opened and closed; nothing is sent. */
async function knock({ url, clock, options, ca }: Visit, isTls: boolean): Promise<Finding> {
  const host = await resolveHost(url.hostname)
  const isSecure = url.protocol === 'https:'
  const port = url.port === '' ? (isSecure ? HTTPS_PORT : HTTP_PORT) : Number(url.port)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const context = tlsContext('--tls-ca', ca === null ? {} : { ca })
  const tls = { context, serverName: url.hostname, isInsecure: options.isInsecure }
  const socket = dial(
    { host, port },
    { buffer: Buffer.alloc(1_024), onBytes: () => true, ...(isTls ? { tls } : {}) },
  )
  const isOver = new AbortController()
  socket.once(isTls ? 'secureConnect' : 'connect', () => resolve())
  socket.once('error', reject)
  const limit = clock
    .sleepUntil(clock.nowUs() + CONNECT_LIMIT_US, isOver.signal)
    .then(() => reject(new TraceError('TARGET_DOWN', 'it took too long')))
    .catch(() => undefined)
  try {
    await promise
    return ok(isTls ? 'certificate trusted' : `port ${port}`)
  } finally {
    isOver.abort()
    await limit
    socket.destroy()
  }
}

async function health({ client, url }: Visit): Promise<Finding> {
  const { status } = await client.call(rootUrl(url, '/health'))
  if (status === 200) return ok('well')
  if (status >= 500) return { state: 'failed', finding: `says ${status}: it is not well` }
  // Servers that are not vLLM need not have the route.
  return ok(`says ${status}: no such route, which is no harm`)
}

async function version({ client, url }: Visit): Promise<Finding> {
  const answer = (await client.callJson(rootUrl(url, '/version'))) as { version?: unknown } | null
  if (typeof answer?.version === 'string') return ok(answer.version)
  return { state: 'missing', finding: 'not vLLM, or behind a gateway that hides it' }
}

async function models({ client, url }: Visit): Promise<Finding> {
  const { status, text } = await client.call(new URL(`${basePathOf(url)}/models`, url))
  if (status === 401 || status === 403) {
    return { state: 'failed', finding: 'it wants a key: put one in a file, --api-key-file' }
  }
  const rows = status === 200 ? modelRows(text) : null
  if (rows === null) return { state: 'failed', finding: `says ${status}, and no list of models` }
  if (rows.length === 0) return { state: 'failed', finding: 'serves no model' }
  const shown = rows.map((row) => {
    const tokens = row['max_model_len']
    const context = typeof tokens === 'number' ? `, context ${formatCount(tokens)}` : ''
    return `${String(row['id'])}${context}`
  })
  const owner = rows.some((row) => row['owned_by'] === 'vllm') ? ' (vLLM)' : ''
  return ok(shown.join(' · ') + owner)
}

function modelRows(text: string): readonly Record<string, unknown>[] | null {
  try {
    const { data } = JSON.parse(text) as { data?: unknown }
    return Array.isArray(data) ? (data as Record<string, unknown>[]) : null
  } catch {
    return null
  }
}

const SAMPLE_TEXT = ' a word'

async function tokenize({ client, url, clock }: Visit): Promise<Finding> {
  const startUs = clock.nowUs()
  const call = { json: { prompt: SAMPLE_TEXT, add_special_tokens: false } }
  const answer = await client.callJson(rootUrl(url, '/tokenize'), call)
  const count = (answer as { count?: unknown } | null)?.count
  if (typeof count === 'number') {
    const took = formatDuration(clock.nowUs() - startUs)
    return ok(`'${SAMPLE_TEXT}' is ${count} tokens, said in ${took}`)
  }
  return { state: 'missing', finding: 'prompts of exact length need a tokenizer here' }
}

async function metrics({ client, url }: Visit): Promise<Finding> {
  const { status, text } = await client.call(rootUrl(url, '/metrics'))
  const rows = status === 200 ? parseMetrics(text) : []
  const own = rows.filter(({ name }) => name.startsWith('vllm:'))
  if (own.length === 0) {
    return { state: 'missing', finding: "a replay cannot check itself against the server's counts" }
  }
  const valueOf = (name: string) => own.find((row) => row.name === name)?.value ?? 0
  const running = valueOf('vllm:num_requests_running')
  const waiting = valueOf('vllm:num_requests_waiting')
  const block = blockTokensOf(rows)
  const blocks = block === null ? '' : ` · blocks of ${block} tokens`
  return ok(`${running} running, ${waiting} waiting now${blocks}`)
}

function ok(finding: string): Finding {
  return { state: 'ok', finding }
}
