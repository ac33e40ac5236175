/**
 * What is learned about an exchange beyond sizes and times: its prefix, its conversation, its tenant
 * and the tokens that the server did not count. Text is looked at here and not kept. Pure, but for
 * the counter that it is given.
 */
import { asText, type JsonObject } from '../stream/json.ts'
import type { Observation } from '../stream/observation.ts'
import {
  chainKey,
  keyedId,
  restartChain,
  type Chain,
  type ChainKey,
} from '../stream/prefix-chain.ts'
import { renderAnswer, renderConversation, type RenderedPrompt } from '../stream/render-prompt.ts'
import type { RequestFacts } from '../stream/request-facts.ts'
import { ATTEMPT_HEADER, Attempts } from './attempts.ts'
import { ChainKeeper } from './chain-keeper.ts'
import { CountCheck, totalOf } from './count-check.ts'
import { PointFinder } from './point-finder.ts'
import type { Enricher, Enrichment } from './enricher.ts'
import type { Exchange } from './exchange.ts'
import type { MetricSample } from './count-check.ts'
import { tokensAtLimit } from './length-limit.ts'
import { ModelNames } from './model-names.ts'
import { nameBy } from './name-rules.ts'
import type { ObserveOptions } from './observe-options.ts'
import {
  promptCountOf,
  type CountPrompt,
  type PromptCount,
  type PromptTokens,
} from './prompt-count.ts'
import { PromptCounter } from './prompt-counter.ts'
import type { ParentOf } from './adapter-lists.ts'
import type { Row } from './request-row.ts'
import { LABEL_HEADERS, labelOf } from './row-label.ts'
import { isSampled } from './session-sample.ts'
import { BoundedMap, MAX_TURNS, Sessions, type Turn } from './sessions.ts'
import { TokenEstimate } from './token-estimate.ts'
import { TokenFill } from './token-fill.ts'

export type EnrichOptions = Readonly<{
  secret: Uint8Array
  observe: ObserveOptions
  hasBlock: (id: bigint) => boolean
  countPrompt: CountPrompt
  parentOf: ParentOf
}>

/** What is remembered of a request until its answer ends. */
type Pending = {
  turn: Turn
  chain: Chain | null
  prompt: PromptCount
  counting: Promise<PromptTokens | null> | null
}

/** The chain with the answer, if there is one, and the length of the answer's rendering. */
type Answered = Readonly<{ whole: Chain | null; sizeBytes: number }>

const GENERATED = 'vllm:generation_tokens_total'
const FINISHED = 'vllm:request_success_total'

export class ExchangeEnricher implements Enricher {
  readonly headers: readonly string[]
  readonly decidesLate: boolean
  readonly #options: EnrichOptions
  readonly #key: ChainKey
  readonly #chains: ChainKeeper
  readonly #sessions: Sessions
  readonly #points: PointFinder
  readonly #estimate = new TokenEstimate()
  readonly #check = new CountCheck()
  readonly #fill = new TokenFill(this.#estimate, this.#check)
  readonly #pending = new WeakMap<Exchange, Pending>()
  /** Conversations that live on the server, by keyed id of the response. */
  readonly #stored = new BoundedMap<string, Chain>(MAX_TURNS)
  readonly #attempts = new Attempts()
  readonly #counter: PromptCounter
  readonly #models: ModelNames

  constructor(options: EnrichOptions) {
    const { observe, secret, hasBlock } = options
    this.#options = options
    this.#key = chainKey(secret)
    this.#chains = new ChainKeeper({ key: this.#key, hasBlock, mode: observe.blocks })
    this.#sessions = new Sessions(this.#key)
    this.#points = new PointFinder(this.#key)
    this.#models = new ModelNames(this.#key)
    this.#counter = new PromptCounter(observe.blocks, options.countPrompt)
    const rules = [...observe.sessionBy, ...observe.tenantBy]
    const named = rules.flatMap((rule) => (rule.kind === 'header' ? [rule.name] : []))
    this.headers = [ATTEMPT_HEADER, ...LABEL_HEADERS, ...named]
    this.decidesLate = observe.sample !== null
  }

  request(exchange: Exchange, facts: RequestFacts): Enrichment {
    const { observe, parentOf } = this.#options
    const body = facts.json ?? {}
    // An adapter that was loaded a moment ago is asked about now, to be known when the answer ends.
    if (facts.model !== null) parentOf(exchange.route, facts.model)
    const tenantName = nameBy(observe.tenantBy, exchange, body)
    const tenant = tenantName === null ? null : keyedId(this.#key, 'tenant', tenantName)
    const rendered = renderConversation(exchange.endpoint, body)
    const chain = rendered === null ? null : this.#promptChain(exchange, facts, rendered)
    const points =
      rendered === null || chain === null || !observe.linksPrefixes
        ? []
        : this.#points.find(chain, rendered)
    const { turn, parent } = this.#sessions.place({
      seq: exchange.seq ?? 0,
      tenant,
      atUs: exchange.startedAtUs,
      named: nameBy(observe.sessionBy, exchange, body),
      previous: observe.linksResponses ? this.#previousOf(body) : null,
      points,
    })
    const end = chain === null ? null : this.#points.endOf(chain, false)
    if (end !== null) this.#sessions.notePoint(end, turn)
    const prompt = promptCountOf(exchange.endpoint, facts, rendered)
    const counting = this.#counter.start(exchange, facts, prompt)
    this.#pending.set(exchange, { turn, chain, prompt, counting })
    const row: Row = {
      session: turn.session,
      turn: turn.turn,
      parentSeq: parent?.seq ?? null,
      tenant,
      ...this.#attempts.place(exchange.headers.get(ATTEMPT_HEADER), end, turn.seq),
      ...labelOf(exchange, facts.isCut),
    }
    return { row, blocks: [], isKept: isSampled(this.#key, observe.sample, turn.session, tenant) }
  }

  wantsAnswer(exchange: Exchange): boolean {
    return this.#pending.has(exchange)
  }

  answer(exchange: Exchange, seen: Observation, row: Row): Enrichment {
    const pending = this.#pending.get(exchange)
    if (pending === undefined) return { row: {}, blocks: [] }
    const { counting, prompt } = pending
    const answered = this.#noteAnswer(exchange, pending, seen)
    const names = this.#namesOf(exchange, seen)
    const finish = (tokens: PromptTokens | null): Enrichment => {
      const counted = tokens === null ? prompt : { ...prompt, exact: tokens.count }
      const found = this.#finish(exchange, counted, answered, seen, row)
      const { facts } = exchange
      const exact = facts === null ? null : this.#chains.describeTokens(facts, tokens?.ids ?? null)
      return {
        row: { ...names, ...labelOf(exchange, seen.seenShare < 1), ...found.row, ...exact?.row },
        blocks: [...found.blocks, ...(exact?.blocks ?? [])],
      }
    }
    const isEngine = this.#options.observe.blocks === 'engine'
    const isCounted = (seen.promptTokens !== null && !isEngine) || seen.status >= 400
    if (counting === null || isCounted) return finish(null)
    return { row: {}, blocks: [], later: counting.then(finish) }
  }

  bareEnd(exchange: Exchange): Enrichment {
    const pending = this.#pending.get(exchange)
    if (pending === undefined) return { row: {}, blocks: [] }
    const { chain, prompt } = pending
    pending.turn.endedAtUs = exchange.sentAtUs ?? exchange.startedAtUs
    const names = this.#namesOf(exchange, null)
    const promptTokens = this.#fill.promptTokens(prompt)
    if (promptTokens === null) return { row: names, blocks: [] }
    const { row, blocks } = this.#chains.describe(chain, null, promptTokens, 0)
    const tokenSource = prompt.exact === null ? 'estimate' : 'tokenizer'
    return { row: { ...row, ...names, promptTokens, tokenSource }, blocks }
  }

  metrics(samples: readonly MetricSample[], liveTokens: number, liveStreams: number): void {
    const generatedTokens = totalOf(samples, GENERATED)
    if (generatedTokens === null) return
    const server = { generatedTokens, finished: totalOf(samples, FINISHED) }
    this.#check.compare(server, liveTokens, liveStreams)
  }

  /** @param seen null where no answer came */
  #namesOf({ route, facts }: Exchange, seen: Observation | null): Row {
    const name = this.#models.nameOf(facts?.model ?? null, seen)
    const parent = name === null ? null : this.#options.parentOf(route, name)
    return parent === null ? { model: name } : { model: parent, adapter: name }
  }

  /** Lets later turns find this one; at once, since the next may be on its way. */
  #noteAnswer(exchange: Exchange, { turn, chain, prompt }: Pending, seen: Observation): Answered {
    const { endpoint, facts } = exchange
    turn.endedAtUs = seen.endAtUs
    this.#check.add(seen, tokensAtLimit(facts, seen))
    this.#counter.note(prompt, facts, seen)
    const hasAnswer = seen.answerText !== null && seen.status < 300
    const calls = seen.answerCalls ?? []
    const bytes = hasAnswer
      ? renderAnswer(endpoint, { text: seen.answerText ?? '', calls })
      : Buffer.alloc(0)
    if (chain === null || !hasAnswer) return { whole: null, sizeBytes: bytes.length }
    const whole = this.#chains.extend(chain, bytes)
    this.#sessions.notePoint(this.#points.endOf(whole, endpoint === 'completions'), turn)
    if (seen.responseId !== null && endpoint === 'responses') {
      this.#sessions.noteResponse(seen.responseId, turn)
      this.#stored.set(keyedId(this.#key, 'response', seen.responseId), restartChain(whole))
    }
    return { whole, sizeBytes: bytes.length }
  }

  #finish(
    exchange: Exchange,
    prompt: PromptCount,
    { whole, sizeBytes }: Answered,
    seen: Observation,
    row: Row,
  ): Enrichment {
    this.#fill.learn(prompt, seen)
    const tokens = this.#fill.fill(prompt, seen, tokensAtLimit(exchange.facts, seen))
    if (whole === null) return { row: tokens, blocks: [] }
    const full = { ...row, ...tokens }
    const spoken = Math.max(0, (full.outputTokens ?? 0) - (full.reasoningTokens ?? 0))
    const answerRate = sizeBytes === 0 ? 0 : spoken / sizeBytes
    const chain = this.#pending.get(exchange)?.chain ?? null
    const prefix = this.#chains.describe(chain, whole, full.promptTokens ?? 0, answerRate)
    return { row: { ...tokens, ...prefix.row }, blocks: prefix.blocks }
  }

  #promptChain(exchange: Exchange, facts: RequestFacts, rendered: RenderedPrompt): Chain {
    const body = facts.json ?? {}
    const previous = this.#previousOf(body)
    const stored = previous === null ? undefined : this.#stored.get(previous)
    const base = stored ?? this.#chains.start(exchange.endpoint, facts)
    return this.#chains.extend(base, rendered.bytes)
  }

  #previousOf(body: JsonObject): string | null {
    const id = asText(body['previous_response_id'])
    return id === null ? null : keyedId(this.#key, 'response', id)
  }
}
