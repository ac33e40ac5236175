/** One call in the engine: its choices, their tokens, and what is known of them at the end. Pure. */
import type { Call, RequestFigures, Usage } from './call.ts'
import { type Choice, createChoice, pushToken } from './choice.ts'
import type { EngineCore, Ticket } from './core.ts'
import { hashStep, hashText } from './hash.ts'
import type { EngineMetrics } from './metrics.ts'
import { createSampler } from './sampler.ts'
import type { EngineSettings } from './settings.ts'

export type Generation = {
  readonly call: Call
  readonly choices: readonly Choice[]
  readonly tickets: Ticket[]
  totalTokenCount: number
  openCount: number
}

export type GenerationOptions = Readonly<{
  call: Call
  core: EngineCore
  metrics: EngineMetrics
  settings: EngineSettings
  /** Number of the call since the start, for answers that are random and yet repeatable. */
  callIndex: number
  arrivedUs: number
  /** After each token. When the generation's `openCount` is 0, it was the last of all. */
  onToken: (choice: Choice) => void
}>

/** Hands every prompt, `n` times each, to the engine. */
export function startGeneration(options: GenerationOptions): Generation {
  const { call, core, settings, arrivedUs } = options
  const choices = Array.from({ length: call.prompts.length * call.n }, (_, index) =>
    createChoice(call, index),
  )
  const generation: Generation = {
    call,
    choices,
    tickets: [],
    totalTokenCount: 0,
    openCount: choices.length,
  }
  const { maxModelTokens, answerTokens } = settings.profile
  const skipsCache = call.promptLogprobs !== null
  for (const choice of choices) {
    const promptTokens = call.prompts[Math.floor(choice.index / call.n)]?.tokens ?? []
    const nextToken = createSampler({
      key: samplerKey(options, choice.index, promptTokens),
      ignoreEos: call.ignoreEos,
      minTokens: call.minTokens,
      stopTokenIds: call.stopTokenIds,
      answerTokens,
    })
    const maxTokens = Math.min(call.maxTokens, maxModelTokens - promptTokens.length)
    const ticket: Ticket = core.submit(
      { promptTokens, maxTokens, salt: call.salt, skipsCache, arrivedUs, nextToken },
      ({ sequence, token }) => {
        const finish = sequence.finish === 'abort' ? null : sequence.finish
        generation.totalTokenCount += 1
        if (pushToken(choice, token, finish)) core.cancel(ticket, 'stop')
        if (choice.finish !== null) endChoice(generation, choice, options.metrics)
        options.onToken(choice)
      },
    )
    generation.tickets.push(ticket)
  }
  return generation
}

/** The client left: nothing more is computed for it. */
export function cancelGeneration(generation: Generation, core: EngineCore): void {
  for (const ticket of generation.tickets) core.cancel(ticket, 'abort')
}

/** Prompts count once however many answers each has. */
export function usageOf(generation: Generation): Usage {
  const { call, tickets, totalTokenCount } = generation
  return {
    promptTokens: call.prompts.reduce((sum, { tokens }) => sum + tokens.length, 0),
    completionTokens: totalTokenCount,
    cachedTokens: tickets[0]?.sequence?.cachedCount ?? 0,
  }
}

/** Figures of the first answer, as vLLM words them: its first-token time leaves the queue out. */
export function figuresOf(generation: Generation): RequestFigures | null {
  const sequence = generation.tickets[0]?.sequence
  if (sequence === undefined || sequence === null) return null
  const { queuedUs, tokens, promptCount } = sequence
  const scheduledUs = sequence.scheduledUs ?? queuedUs
  const firstUs = sequence.firstTokenUs ?? scheduledUs
  const lastUs = sequence.lastTokenUs ?? firstUs
  const count = tokens.length - promptCount
  const generationUs = lastUs - firstUs
  const totalUs = lastUs - scheduledUs
  return {
    time_to_first_token_ms: (firstUs - scheduledUs) / 1_000,
    generation_time_ms: generationUs / 1_000,
    queue_time_ms: (scheduledUs - queuedUs) / 1_000,
    mean_itl_ms: count > 1 ? generationUs / 1_000 / (count - 1) : null,
    tokens_per_second: totalUs > 0 ? (count * 1_000_000) / totalUs : null,
  }
}

/** Each prompt of a list is a request of its own in the counters, its `n` answers together. */
function endChoice(generation: Generation, choice: Choice, metrics: EngineMetrics): void {
  generation.openCount -= 1
  const { n } = generation.call
  const first = choice.index - (choice.index % n)
  const answers = generation.choices.slice(first, first + n)
  if (answers.some(({ finish }) => finish === null)) return
  metrics.requestFinished(n, Math.max(...answers.map(({ tokenCount }) => tokenCount)))
}

/** Temperature 0: the prompt decides. A seed: the seed decides. Neither: this engine's seed does. */
function samplerKey(
  { call, settings, callIndex }: GenerationOptions,
  choiceIndex: number,
  promptTokens: readonly number[],
): number {
  if (call.temperature === 0) {
    return promptTokens.reduce((hash, token) => hashStep(hash, token), 1)
  }
  const answerIndex = choiceIndex % call.n
  if (call.seed !== null) return hashStep(hashStep(2, call.seed), answerIndex)
  return hashStep(hashStep(hashText(settings.seed), callIndex), choiceIndex)
}
