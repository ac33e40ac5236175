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

  /** Column by column: row by row would look up each of fourteen columns a million times. */
  addAll({ rowCount, columns }: DemandBatch): void {
    this.atUs.append(columns.atUs, rowCount)
    this.prompt.append(columns.promptTokens, rowCount)
    this.output.append(columns.outputTokens, rowCount)
    this.#addTokens(columns, rowCount)
    this.#addSessions(columns, rowCount)
    this.tenants.addAll(columns.tenant, rowCount)
    this.models.addAll(columns.model, rowCount)
    this.adapters.addAll(columns.adapter, rowCount)
    this.endpoints.addAll(columns.endpoint, rowCount)
    this.outcomes.addAll(columns.outcome, rowCount, 'unknown')
    this.finishReasons.addAll(columns.finishReason, rowCount)
    this.tokenSources.addAll(columns.tokenSource, rowCount, 'unknown')
  }

  #addTokens(columns: DemandBatch['columns'], rowCount: number): void {
    const { promptTokens, cachedTokens, outputTokens, outcome, stream } = columns
    for (let row = 0; row < rowCount; row += 1) {
      if (stream[row] === 1) this.streamCount += 1
      if (outcome[row] === 'client_abort' && outputTokens[row]! > 0) {
        this.hungUpTokens.push(outputTokens[row]!)
      }
      if (Number.isNaN(cachedTokens[row]! + promptTokens[row]!)) continue
      this.cachedTokens += cachedTokens[row]!
      this.cachedOfTokens += promptTokens[row]!
    }
  }

  #addSessions({ session, atUs }: DemandBatch['columns'], rowCount: number): void {
    for (let row = 0; row < rowCount; row += 1) {
      const name = session[row]
      if (name) this.sessions.add(name, atUs[row]!)
    }
  }
}
