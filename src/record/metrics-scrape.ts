/** Reads the servers' own counters every few seconds, aside from traffic. Effects: network. */
import type { HttpClient } from '../base/http.ts'
import { metricRows, readMetrics } from '../replay/server-metrics.ts'
import type { EventRow, SampleRow } from '../trace/columns.ts'

export const SCRAPE_US = 5_000_000

/** Counts tokens since the server's start; less than before means that it started again. */
const GROWING = 'vllm:generation_tokens_total'

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
  readonly #before = new Map<string, number>()
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
        const rows = metricRows(metrics, atUs, target)
        this.#watch(url, rows, atUs)
        return rows
      }),
    )
    this.#isReading = false
    const rows = found.flat()
    if (rows.length === 0) return
    this.#sink.addSamples(rows)
    this.#sink.note(rows)
  }

  #watch(url: string, rows: readonly SampleRow[], atUs: number): void {
    const total = rows
      .filter(({ metric }) => metric === GROWING)
      .reduce((sum, { value }) => sum + value, 0)
    const before = this.#before.get(url)
    if (before !== undefined && total < before) {
      this.#sink.addEvent({ atUs, kind: 'restart', detail: '{"of":"server"}' })
    }
    this.#before.set(url, total)
  }
}
