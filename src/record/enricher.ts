/** What is learned about an exchange beyond its sizes and times: the place where keyed ids come in. */
import type { Observation } from '../stream/observation.ts'
import type { RequestFacts } from '../stream/request-facts.ts'
import type { BlockRow } from '../trace/columns.ts'
import type { Exchange } from './exchange.ts'
import type { Row } from './request-row.ts'

export type Enrichment = Readonly<{
  /** Columns to add; they win over those of the observer. */
  row: Row
  /** Parents before their children. */
  blocks: readonly BlockRow[]
}>

export interface Enricher {
  /** Lower-case names of request headers that it looks at. */
  readonly headers: readonly string[]
  /** The request is there. */
  request(exchange: Exchange, facts: RequestFacts): Enrichment
  /** Whether `answer` wants the answer's text. */
  wantsAnswer(exchange: Exchange): boolean
  answer(exchange: Exchange, seen: Observation, row: Row): Enrichment
}

const NOTHING: Enrichment = { row: {}, blocks: [] }

/** Sizes and times only. */
export const PLAIN_ENRICHER: Enricher = {
  headers: [],
  request: () => NOTHING,
  wantsAnswer: () => false,
  answer: () => NOTHING,
}
