/** A server's own counters, read from its /metrics before, during and after a run. Effects: network. */
import type { HttpClient } from '../base/http.ts'
import { canonicalJson } from '../trace/canonical.ts'
import type { SampleRow } from '../trace/columns.ts'

export type Metric = Readonly<{
  name: string
  labels: Readonly<Record<string, string>>
  value: number
}>

/** Families that say something about load; the rest is about the server's process. */
const KEPT = /^(?:vllm:|http_request)/
/** Buckets of a histogram are many and can be told from its sum and count well enough. */
const LEFT_OUT = /_(?:bucket|created)$/
/** Settings as labels: read once for the target's block size, not at each scrape. */
const SETTINGS = 'vllm:cache_config_info'

const TIMEOUT_US = 2_000_000

/** A busy vLLM says some hundred kB; ten times a whole fleet's would keep the run from its clock. */
const MAX_BODY_BYTES = 8_000_000

/** Prometheus' text format; lines that do not follow it are passed over. */
export function parseMetrics(text: string): Metric[] {
  const metrics: Metric[] = []
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line)
    if (found === null) continue
    const [, name = '', labels = '', digits = ''] = found
    const value = numberOf(digits)
    if (value !== null) metrics.push({ name, labels: parseLabels(labels), value })
  }
  return metrics
}

function numberOf(text: string): number | null {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  const value = Number(text)
  return Number.isNaN(value) ? null : value
}

function parseLabels(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)]
  return Object.fromEntries(
    pairs.map(([, name = '', value = '']) => [name, value.replace(/\\(.)/g, unescape)]),
  )
}

function unescape(_: string, letter: string): string {
  return letter === 'n' ? '\n' : letter
}

/** @returns null where the target tells nothing: a run goes on without */
export async function readMetrics(client: HttpClient, url: URL): Promise<Metric[] | null> {
  try {
    const limits = { timeoutUs: TIMEOUT_US, bodyLimitBytes: MAX_BODY_BYTES }
    const answer = await client.call(url, limits)
    return answer.status === 200 ? parseMetrics(answer.text) : null
  } catch {
    return null
  }
}

/**
 * Each text once. A piece of a page keeps all of the page in memory: samples of a day would hold a
 * gigabyte of them.
 */
export class TextPool {
  readonly #texts = new Map<string, string>()

  readonly of = (text: string): string => {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    const own = Buffer.from(text).toString()
    this.#texts.set(own, own)
    return own
  }
}

/** @param atUs since the run's start @param textOf gives equal texts as one, for whoever keeps many rows */
export function metricRows(
  metrics: readonly Metric[],
  atUs: number,
  target: string | null,
  textOf: (text: string) => string = (text) => text,
): SampleRow[] {
  return metrics
    .filter(({ name, value }) => KEPT.test(name) && !LEFT_OUT.test(name) && Number.isFinite(value))
    .filter(({ name }) => name !== SETTINGS)
    .map(({ name, labels, value }) => ({
      atUs,
      metric: textOf(name),
      labels: textOf(canonicalJson(target === null ? labels : { ...labels, target })),
      value,
    }))
}

/** Tokens in one block of the server's KV cache; null where it is not told. */
export function blockTokensOf(metrics: readonly Metric[]): number | null {
  const settings = metrics.find(({ name }) => name === SETTINGS)
  const tokens = Number(settings?.labels['block_size'])
  return tokens > 0 ? tokens : null
}

/** Tokens that the server's KV cache holds; null where it is not told. */
export function cacheTokensOf(metrics: readonly Metric[]): number | null {
  const labels = metrics.find(({ name }) => name === SETTINGS)?.labels
  const told = Number(labels?.['kv_cache_size_tokens'])
  if (told > 0) return told
  const product = Number(labels?.['num_gpu_blocks']) * Number(labels?.['block_size'])
  return product > 0 ? product : null
}
