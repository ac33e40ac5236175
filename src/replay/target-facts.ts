/** Finds out what a target is, before anything is sent to it. Effects: network. */
import { hash } from 'node:crypto'
import { TraceError } from '../base/errors.ts'
import type { HttpClient } from '../base/http.ts'
import { blockTokensOf, cacheTokensOf, readMetrics } from './server-metrics.ts'

export type ServedModel = Readonly<{ id: string; maxModelTokens: number | null }>

export type TargetFacts = Readonly<{
  url: URL
  /** Path of the API without a slash at its end, e.g. '/v1'. */
  basePath: string
  isVllm: boolean
  version: string | null
  models: readonly ServedModel[]
  /** It has a route that lists its models; some servers have none, and serve what they are asked for. */
  isListed: boolean
  blockTokens: number | null
  /** Room of its KV cache; null where it is not told. */
  cacheTokens: number | null
  hasMetrics: boolean
  /** Digest of what is known of it: two runs with different ones met different servers. */
  fingerprint: string
}>

/** Some give the address of one endpoint, as their clients want it. */
const ENDPOINT = /\/(?:chat\/completions|completions|responses|messages|embeddings)$/

/** '/v1' where the address names no path. */
export function basePathOf(url: URL): string {
  const path = url.pathname.replace(/\/+$/, '').replace(ENDPOINT, '')
  return path === '' ? '/v1' : path
}

/** The address of a route that stands beside the API, e.g. /metrics. */
export function rootUrl(url: URL, route: string): URL {
  return new URL(basePathOf(url).replace(/\/v\d+$/, '') + route, url)
}

/** @throws TraceError TARGET_DOWN if nothing answers, TARGET_UNFIT if it is no LLM server or is not well */
export async function probeTarget(client: HttpClient, url: URL): Promise<TargetFacts> {
  const basePath = basePathOf(url)
  const models = await readModels(client, url, basePath)
  const health = await client.call(rootUrl(url, '/health'))
  if (health.status >= 500) {
    throw new TraceError('TARGET_UNFIT', `${url.origin} says that it is not well`, {
      hint: `Its /health answers ${health.status}: look at the server's log.`,
    })
  }
  const metrics = await readMetrics(client, rootUrl(url, '/metrics'))
  const answer = await client.callJson(rootUrl(url, '/version'))
  const { version } = (answer ?? {}) as { version?: unknown }
  const isVllm = models.isVllm || metrics?.some(({ name }) => name.startsWith('vllm:')) === true
  const facts = {
    version: typeof version === 'string' ? version : null,
    models: models.list,
    isListed: models.isListed,
    blockTokens: metrics === null ? null : blockTokensOf(metrics),
  }
  const cacheTokens = metrics === null ? null : cacheTokensOf(metrics)
  return {
    url,
    basePath,
    isVllm,
    ...facts,
    cacheTokens,
    hasMetrics: metrics !== null,
    fingerprint: hash('sha256', JSON.stringify([isVllm, facts]), 'hex').slice(0, 16),
  }
}

type ModelList = Readonly<{
  isVllm: boolean
  isListed: boolean
  list: readonly ServedModel[]
}>

/** What servers answer to a route that they do not have. */
const NO_SUCH_ROUTE = new Set([404, 405, 501])

async function readModels(client: HttpClient, url: URL, basePath: string): Promise<ModelList> {
  const answer = await client.call(new URL(`${basePath}/models`, url))
  if (answer.status === 401 || answer.status === 403) {
    throw new TraceError('TARGET_UNFIT', `${url.origin} wants a key`, {
      hint: 'Put it into a file and name that with --api-key-file.',
    })
  }
  if (NO_SUCH_ROUTE.has(answer.status)) return { isVllm: false, isListed: false, list: [] }
  const list = parseModels(answer.status, answer.text)
  if (list === null) {
    throw new TraceError(
      'TARGET_UNFIT',
      `${url.origin} is no LLM server: ${basePath}/models does not list models`,
    )
  }
  if (list.list.length === 0) throw new TraceError('TARGET_UNFIT', `${url.origin} serves no model`)
  return list
}

function parseModels(status: number, text: string): ModelList | null {
  if (status !== 200) return null
  try {
    const { data } = JSON.parse(text) as { data?: unknown }
    if (!Array.isArray(data)) return null
    const rows = data as readonly Record<string, unknown>[]
    return {
      isVllm: rows.some((row) => row['owned_by'] === 'vllm'),
      isListed: true,
      list: rows.map((row) => ({
        id: String(row['id']),
        maxModelTokens: typeof row['max_model_len'] === 'number' ? row['max_model_len'] : null,
      })),
    }
  } catch {
    return null
  }
}
