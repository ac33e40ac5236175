/** Prompts of later turns: what was really sent, what was really answered, and then something new. Effects: may ask a tokenizer. */
import { NONE, type Plan, type RequestShape } from '../workload/plan.ts'
import type { Family } from './family.ts'
import type { PromptWriter } from './prompt-writer.ts'
import { isBare, isChained } from './request-body.ts'
import type { ChatMessage, TokenizerClient } from './tokenizer-client.ts'
import { toolsForTemplate } from './tools.ts'

/** Why a later turn could not quote the answer before it. */
export type FillerReason = 'failed' | 'hungUp' | 'noAnswer' | 'tooLong' | 'noTokenizer'
export type FillerCounts = Readonly<Partial<Record<FillerReason, number>>>

/** How a request ended that others follow. */
export type ParentEnd = Readonly<{
  index: number
  /** µs from replay start. */
  endedAtUs: number
  /** null where there was no answer to quote. */
  answerText: string | null
  answerTokenIds: Uint32Array | null
  /** Under which the server may have kept it. */
  responseId: string | null
  /** Why the answer is not whole; null where it is. */
  cut: 'failed' | 'hungUp' | null
}>

/** The prompt of a later turn. */
export type Quote = Readonly<{
  /** JSON. */
  prompt: Buffer
  /** The server is to put what it kept under this name before the prompt; null: the prompt is whole. */
  previousResponseId: string | null
}>

/** What has been said so far in one session, as its last turn sent it. */
type Said = Readonly<{ ids: Uint32Array }> | Readonly<{ messages: readonly ChatMessage[] }>

export type ConversationPlan = Pick<Plan, 'columns' | 'shapes' | 'blocks'>

export class Conversations {
  readonly #fillers: Partial<Record<FillerReason, number>> = {}
  readonly #plan: ConversationPlan
  readonly #family: Family
  readonly #promptsOf: (index: number) => PromptWriter
  readonly #tokenizerOf: (index: number) => TokenizerClient | null
  readonly #isKeptFor: (index: number) => boolean
  /** By request, until the last of its children is built. */
  readonly #said = new Map<number, Said>()

  constructor(
    plan: ConversationPlan,
    family: Family,
    promptsOf: (index: number) => PromptWriter,
    tokenizerOf: (index: number) => TokenizerClient | null,
    isKeptFor: (index: number) => boolean = () => false,
  ) {
    this.#plan = plan
    this.#family = family
    this.#promptsOf = promptsOf
    this.#tokenizerOf = tokenizerOf
    this.#isKeptFor = isKeptFor
  }

  /** Turns whose own words stand in for an answer. */
  get fillers(): FillerCounts {
    return this.#fillers
  }

  /** @returns null where the child's own words are right */
  async promptOf(child: number, end: ParentEnd): Promise<Quote | null> {
    const shape = this.#shapeOf(child)
    if (!this.#continues(child, end.index) || shape.inputCount > 1) return null
    const prompts = this.#promptsOf(child)
    const said = prompts.writesIds(shape)
      ? this.#idsOf(child, end, prompts)
      : !isBare(shape)
        ? await this.#messagesOf(child, end, prompts)
        : 'noTokenizer'
    if (typeof said === 'string') {
      this.#fillers[said] = (this.#fillers[said] ?? 0) + 1
      return null
    }
    if (this.#family.hasChildren(child)) this.#said.set(child, said)
    if ('ids' in said) return whole(`[${said.ids.join(',')}]`)
    const { responseId } = end
    if (responseId === null || !isChained(shape) || !this.#isKeptFor(child)) {
      return whole(JSON.stringify(said.messages))
    }
    const prompt = Buffer.from(JSON.stringify(said.messages.at(-1)?.content))
    return { prompt, previousResponseId: responseId }
  }

  /** All that follow this one are built. */
  forget(index: number): void {
    this.#said.delete(index)
  }

  #shapeOf(index: number): RequestShape {
    const shape = this.#plan.shapes[this.#plan.columns.shape[index]!]
    if (shape === undefined) throw new Error(`no shape of request ${index}`)
    return shape
  }

  /** The leaf decides; the order of turns only where ids are missing. */
  #continues(child: number, parent: number): boolean {
    const { leaf, promptTokens } = this.#plan.columns
    const ownLeaf = leaf[child]!
    const parentLeaf = leaf[parent]!
    if (ownLeaf === NONE || parentLeaf === NONE) {
      return promptTokens[child]! > promptTokens[parent]!
    }
    for (let at = ownLeaf; at !== NONE; at = this.#plan.blocks.parent[at]!) {
      if (at === parentLeaf) return true
    }
    return false
  }

  #idsOf(child: number, end: ParentEnd, prompts: PromptWriter): Said | FillerReason {
    const { index, answerTokenIds, cut } = end
    if (answerTokenIds === null) return cut ?? 'noAnswer'
    const { promptTokens } = this.#plan.columns
    const total = promptTokens[child]!
    const said = this.#said.get(index)
    const before =
      said !== undefined && 'ids' in said ? said.ids : prompts.ids(index, 0, promptTokens[index]!)
    const quoted = before.length + answerTokenIds.length
    if (quoted > total) return 'tooLong'
    const ids = new Uint32Array(total)
    ids.set(before)
    ids.set(answerTokenIds, before.length)
    ids.set(prompts.ids(child, quoted, total), quoted)
    return { ids }
  }

  async #messagesOf(
    child: number,
    end: ParentEnd,
    prompts: PromptWriter,
  ): Promise<Said | FillerReason> {
    const { promptTokens } = this.#plan.columns
    const tokenizer = this.#tokenizerOf(child)
    if (end.answerText === null || end.answerText === '') return end.cut ?? 'noAnswer'
    if (tokenizer === null) return 'noTokenizer'
    const shape = this.#shapeOf(child)
    const { starter, headTokens, tailTokens } = prompts.frameOf(shape)
    const said = this.#said.get(end.index)
    const ownEnd = promptTokens[end.index]! - tailTokens
    const before =
      said !== undefined && 'messages' in said
        ? said.messages
        : [{ role: 'user', content: starter + prompts.text(end.index, headTokens, ownEnd) }]
    const answered = [...before, { role: 'assistant', content: end.answerText }]
    const bare = await tokenizer.tokenizeChat(
      [...answered, { role: 'user', content: starter }],
      toolsForTemplate(shape),
    )
    if (bare === null) return 'noTokenizer'
    const missing = promptTokens[child]! - bare.length
    if (missing < 0) return 'tooLong'
    const content =
      starter + prompts.text(child, promptTokens[child]! - missing, promptTokens[child]!)
    return { messages: [...answered, { role: 'user', content }] }
  }
}

function whole(json: string): Quote {
  return { prompt: Buffer.from(json), previousResponseId: null }
}
