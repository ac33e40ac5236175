/** What `/metrics` says, counted where vLLM counts it. Pure: it is told what happened and when. */
import { add, addToSummary, labelText, observe, renderFamilies } from './exposition.ts'
import { type Families, createFamilies } from './metrics-families.ts'
import type { Output, Scheduler } from './scheduler.ts'
import type { Sequence } from './sequence.ts'
import type { EngineSettings } from './settings.ts'

const US_PER_SEC = 1_000_000

export type HttpAnswerFacts = Readonly<{
  /** Route as it was declared, or `none`. */
  handler: string
  method: string
  status: number
  requestBytes: number
  responseBytes: number
  tookUs: number
}>

export class EngineMetrics {
  readonly #families: Families
  readonly #labels: string
  readonly #base: Readonly<Record<string, string>>
  readonly #modelName: string
  readonly #createdSec: number

  constructor(settings: EngineSettings, createdSec: number) {
    const { profile, modelName, hasPrefixCache } = settings
    this.#modelName = modelName
    this.#base = { engine: '0', model_name: modelName }
    this.#labels = labelText(this.#base)
    this.#createdSec = createdSec
    this.#families = createFamilies(modelName, profile, hasPrefixCache)
  }

  /** One step ended with these tokens. Prompts count as what was computed of them, when they are done. */
  stepped(outputs: readonly Output[]): void {
    const families = this.#families
    let promptTokens = 0
    for (const { sequence, atUs } of outputs) {
      if (sequence.tokens.length - sequence.promptCount === 1) {
        promptTokens += sequence.promptCount - sequence.cachedCount
        this.#firstToken(sequence, atUs)
      } else {
        observe(families.interToken, this.#labels, (atUs - sequence.previousTokenUs) / US_PER_SEC)
      }
    }
    add(families.generationTokens, this.#labels, outputs.length)
    observe(families.stepTokens, this.#labels, promptTokens + outputs.length)
  }

  /** A sequence ended by itself, by its limit or by a stop string; hang-ups are not counted. */
  finished(sequence: Sequence): void {
    const families = this.#families
    const { arrivedUs, scheduledUs, firstTokenUs, lastTokenUs, promptCount, maxTokens } = sequence
    const count = sequence.tokens.length - promptCount
    const record = (family: Families['endToEnd'], value: number) =>
      observe(family, this.#labels, value)
    add(families.success, this.#labelsWith('finished_reason', sequence.finish ?? 'stop'))
    record(families.endToEnd, seconds(arrivedUs, lastTokenUs))
    record(families.queueTimes, seconds(sequence.queuedUs, scheduledUs))
    record(families.prefillTimes, seconds(scheduledUs, firstTokenUs))
    record(families.decodeTimes, seconds(firstTokenUs, lastTokenUs))
    record(families.inferenceTimes, seconds(scheduledUs, lastTokenUs))
    record(families.promptTokensOfRequest, promptCount)
    record(families.generationTokensOfRequest, count)
    record(families.prefillComputed, promptCount - sequence.cachedCount)
    record(families.preemptionsOfRequest, sequence.preemptions)
    record(families.paramsMaxTokens, maxTokens)
    const perToken = count > 1 ? seconds(firstTokenUs, lastTokenUs) / (count - 1) : 0
    record(families.perOutputToken, perToken)
  }

  /** A request whose every answer ended. */
  requestFinished(n: number, longestAnswer: number): void {
    observe(this.#families.paramsN, this.#labels, n)
    observe(this.#families.maxGenerationTokens, this.#labels, longestAnswer)
  }

  rejected(): void {
    add(
      this.#families.rejections,
      labelText({ model_name: this.#modelName, reason: 'max_num_queued_reqs' }),
    )
  }

  answered(facts: HttpAnswerFacts): void {
    const { handler, method } = facts
    const families = this.#families
    const status = `${Math.floor(facts.status / 100)}xx`
    const tookSec = facts.tookUs / US_PER_SEC
    add(families.httpRequests, labelText({ handler, method, status }))
    addToSummary(families.httpRequestBytes, labelText({ handler }), facts.requestBytes)
    addToSummary(families.httpResponseBytes, labelText({ handler }), facts.responseBytes)
    observe(families.httpTimes, '', tookSec)
    observe(families.httpTimesByHandler, labelText({ handler, method }), tookSec)
  }

  /** The whole page. */
  render(scheduler: Scheduler, queuedCount: number): string {
    const families = this.#families
    const { pool, running, counts } = scheduler
    families.running.series.set(this.#labels, running.length)
    families.waiting.series.set(this.#labels, queuedCount)
    families.waitingByReason.series.set(this.#labelsWith('reason', 'capacity'), queuedCount)
    families.cacheUsage.series.set(this.#labels, 1 - pool.freeCount / pool.blockCount)
    for (const labels of families.cacheConfig.series.keys()) {
      families.cacheConfig.series.set(labels, 1)
    }
    families.prefixQueries.series.set(this.#labels, counts.prefixQueries)
    families.prefixHits.series.set(this.#labels, counts.prefixHits)
    families.preemptions.series.set(this.#labels, counts.preemptions)
    return renderFamilies(Object.values(families), this.#createdSec)
  }

  #firstToken(sequence: Sequence, atUs: number): void {
    const { promptCount, cachedCount, arrivedUs } = sequence
    const families = this.#families
    observe(families.firstToken, this.#labels, (atUs - arrivedUs) / US_PER_SEC)
    add(families.promptTokens, this.#labels, promptCount)
    add(families.promptTokensCached, this.#labels, cachedCount)
    const bySource = families.promptTokensBySource
    add(bySource, this.#labelsWith('source', 'local_compute'), promptCount - cachedCount)
    add(bySource, this.#labelsWith('source', 'local_cache_hit'), cachedCount)
  }

  #labelsWith(name: string, value: string): string {
    return labelText({ ...this.#base, [name]: value })
  }
}

function seconds(fromUs: number | null, toUs: number | null): number {
  return ((toUs ?? 0) - (fromUs ?? 0)) / US_PER_SEC
}
