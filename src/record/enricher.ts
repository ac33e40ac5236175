/** What is learned about an exchange beyond its sizes and times: the place where keyed ids come in. */
import type { Observation } from '../stream/observation.ts'
import type { RequestFacts } from '../stream/request-facts.ts'
import type { BlockRow } from '../trace/columns.ts'
import type { Exchange } from './exchange.ts'
import type { MetricSample } from './count-check.ts'
import type { Row } from './request-row.ts'

export type Enrichment = Readonly<{
  /** Columns to add; they win over those of the observer. */
  row: Row
  /** Parents before their children. */
  blocks: readonly BlockRow[]
  /** false: its session or tenant is not in the sample; no row is kept of it. */
  isKept?: boolean
  /** More that takes a moment, a few seconds at most; the row waits for it. Never rejects. */
  later?: Promise<Enrichment>
}>

export interface Enricher {
  /** Lower-case names of request headers that it looks at. */
  readonly headers: readonly string[]
  /** Whether a request is kept is known only with its body: write no row before. */
  readonly decidesLate: boolean
  /** The request is there. */
  request(exchange: Exchange, facts: RequestFacts): Enrichment
  /** Whether `answer` wants the answer's text. */
  wantsAnswer(exchange: Exchange): boolean
  answer(exchange: Exchange, seen: Observation, row: Row): Enrichment
  /** It ended without an answer that can be read. */
  bareEnd(exchange: Exchange): Enrichment
  /** The server's counters, with the tokens and number of answers that are still running. */
  metrics(samples: readonly MetricSample[], liveTokens: number, liveStreams: number): void
}
