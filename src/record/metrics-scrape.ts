/** Reads the servers' own counters every few seconds, aside from traffic. Effects: network. */
import type { HttpClient } from '../base/http.ts'
import { metricRows, readMetrics, type Metric } from '../replay/server-metrics.ts'
import { canonicalJson } from '../trace/canonical.ts'
import type { EventRow, SampleRow } from '../trace/columns.ts'
import { isSilence, readServerFacts } from './server-facts.ts'

export const SCRAPE_US = 5_000_000

/** Tells when the server's process began; and a counter that never falls while one runs. */
const STARTED = 'process_start_time_seconds'
const GROWING = 'vllm:generation_tokens_total'

/** What was last known of one server. */
type Server = { startedSec: number | null; total: number; version: string | null }

export type ScrapeSink = Readonly<{
  addSamples(rows: readonly SampleRow[]): void
  addEvent(row: EventRow): void
  /** All servers' counters at one instant. */
  note(rows: readonly SampleRow[]): void
}>

export class MetricsScrape {
  readonly #client: HttpClient
  readonly #urls: readonly string[]
  readonly #sink: ScrapeSink
  readonly #servers = new Map<string, Server>()
  #isReading = false

  /** @param urls address of each server's /metrics */
  constructor(client: HttpClient, urls: readonly string[], sink: ScrapeSink) {
    this.#client = client
    this.#urls = [...new Set(urls)]
    this.#sink = sink
  }

  /** One round; a server that does not answer is left out. @param atUs since the trace's origin */
  async read(atUs: number): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    const found = await Promise.all(
      this.#urls.map(async (url) => {
        const metrics = await readMetrics(this.#client, new URL(url))
        if (metrics === null) return []
        const target = this.#urls.length === 1 ? null : new URL(url).host
        await this.#watch(url, metrics, atUs)
        return metricRows(metrics, atUs, target)
      }),
    )
    this.#isReading = false
    const rows = found.flat()
    if (rows.length === 0) return
    this.#sink.addSamples(rows)
    this.#sink.note(rows)
  }

  async #watch(url: string, metrics: readonly Metric[], atUs: number): Promise<void> {
    const before = this.#servers.get(url)
    const startedSec = metrics.find(({ name }) => name === STARTED)?.value ?? null
    const total = metrics
      .filter(({ name }) => name === GROWING)
      .reduce((sum, { value }) => sum + value, 0)
    const isNew = before === undefined
    const isRestarted = !isNew && (startedSec !== before.startedSec || total < before.total)
    const version = isNew || isRestarted ? await this.#versionOf(url) : before.version
    this.#servers.set(url, { startedSec, total, version })
    if (!isRestarted) return
    this.#sink.addEvent({ atUs, kind: 'restart', detail: canonicalJson({ of: 'server', version }) })
    if (version !== before.version && version !== null) {
      const detail = canonicalJson({ from: before.version, to: version })
      this.#sink.addEvent({ atUs, kind: 'version', detail })
    }
  }

  async #versionOf(url: string): Promise<string | null> {
    const found = await readServerFacts(this.#client, new URL('/', url))
    return isSilence(found) ? null : found.version
  }
}
