/** What a trace asks of a server, gathered row by row: sizes, sessions, who asked for what. Pure. */
import { GrowingColumn } from '../stats/growing.ts'
import type { RequestColumn } from '../trace/columns.ts'
import type { RequestBatch } from '../trace/trace.ts'
import { SessionWatch } from './session-figures.ts'
import { Tally } from './tally.ts'

export const DEMAND_COLUMNS = [
  'atUs',
  'promptTokens',
  'cachedTokens',
  'outputTokens',
  'tokenSource',
  'session',
  'tenant',
  'model',
  'adapter',
  'endpoint',
  'stream',
  'outcome',
  'finishReason',
  'label',
] as const satisfies readonly RequestColumn[]

export type DemandBatch = RequestBatch<(typeof DEMAND_COLUMNS)[number]>

export class DemandWatch {
  readonly atUs = new GrowingColumn()
  /** NaN where a row has none. */
  readonly prompt = new GrowingColumn()
  readonly output = new GrowingColumn()
  readonly hungUpTokens = new GrowingColumn()
  readonly sessions = new SessionWatch()
  readonly tenants = new Tally()
  readonly models = new Tally()
  readonly adapters = new Tally()
  readonly endpoints = new Tally()
  readonly outcomes = new Tally()
  readonly finishReasons = new Tally()
  readonly tokenSources = new Tally()
  streamCount = 0
  cachedTokens = 0
  /** Prompt tokens of the rows that tell how many were cached. */
  cachedOfTokens = 0

  add({ columns }: DemandBatch, row: number): void {
    const atUs = columns.atUs[row]!
    const promptTokens = columns.promptTokens[row]!
    const outputTokens = columns.outputTokens[row]!
    const cachedTokens = columns.cachedTokens[row]!
    this.atUs.push(atUs)
    this.prompt.push(promptTokens)
    this.output.push(outputTokens)
    if (!Number.isNaN(cachedTokens + promptTokens)) {
      this.cachedTokens += cachedTokens
      this.cachedOfTokens += promptTokens
    }
    const outcome = columns.outcome[row]!
    if (outcome === 'client_abort' && outputTokens > 0) this.hungUpTokens.push(outputTokens)
    if (columns.stream[row] === 1) this.streamCount += 1
    const session = columns.session[row]
    if (session) this.sessions.add(session, atUs)
    this.#count(columns, row)
  }

  #count(columns: DemandBatch['columns'], row: number): void {
    this.tenants.add(columns.tenant[row]!)
    this.models.add(columns.model[row]!)
    this.adapters.add(columns.adapter[row]!)
    this.endpoints.add(columns.endpoint[row]!)
    this.outcomes.add(columns.outcome[row] ?? 'unknown')
    this.finishReasons.add(columns.finishReason[row]!)
    this.tokenSources.add(columns.tokenSource[row] ?? 'unknown')
  }
}
