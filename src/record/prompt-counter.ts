/** Decides which prompts are worth counting elsewhere. Pure, but for the counter that it is given. */
import { asArray } from '../stream/json.ts'
import type { Observation } from '../stream/observation.ts'
import type { RequestFacts } from '../stream/request-facts.ts'
import type { Exchange } from './exchange.ts'
import type { ObserveOptions } from './observe-options.ts'
import { idsOf, type CountPrompt, type PromptCount, type PromptTokens } from './prompt-count.ts'
import { BoundedMap } from './sessions.ts'

const MAX_KINDS = 1_000

export class PromptCounter {
  readonly #blocks: ObserveOptions['blocks']
  readonly #countPrompt: CountPrompt
  /** Models and endpoints whose server counts without being asked. */
  readonly #countsUnasked = new BoundedMap<string, boolean>(MAX_KINDS)

  constructor(blocks: ObserveOptions['blocks'], countPrompt: CountPrompt) {
    this.#blocks = blocks
    this.#countPrompt = countPrompt
  }

  /** A prompt whose answer will say its size is worth asking about only for its very tokens. */
  start(
    exchange: Exchange,
    facts: RequestFacts,
    prompt: PromptCount,
  ): Promise<PromptTokens | null> | null {
    const { endpoint } = exchange
    if (facts.json === null || (endpoint !== 'chat' && endpoint !== 'completions')) return null
    if (this.#blocks !== 'engine') {
      if (prompt.exact !== null || facts.asksUsage || !facts.isStream) return null
      if (this.#countsUnasked.get(prompt.kind) === true) return null
    } else if (prompt.exact !== null) {
      const ids = idsOf(asArray(facts.json['prompt']))
      return Promise.resolve(ids === null ? null : { count: ids.length, ids })
    }
    return this.#countPrompt(exchange, facts.json, this.#blocks === 'engine')
  }

  /** Learns from an answer whether this server has to be asked for usage. */
  note(prompt: PromptCount, facts: RequestFacts | null, seen: Observation): void {
    if (seen.tokenSource === 'server' && facts?.asksUsage === false && facts.isStream) {
      this.#countsUnasked.set(prompt.kind, true)
    }
  }
}
