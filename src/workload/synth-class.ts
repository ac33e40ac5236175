/** The requests of one class of clients: sessions that begin, think, grow, and sometimes hang up. Pure. */
import { sequenceFor } from '../base/random.ts'
import type { RequestRow } from '../trace/columns.ts'
import { arrivals } from './arrival-process.ts'
import { fixedLaw, picker, sampler, type Uniform } from './law.ts'
import { rampClock } from './ramp.ts'
import { GrowingText, type SynthBlocks } from './synth-blocks.ts'
import type { ClientClass, Sizes } from './synth-model.ts'

/** A row without its number; `parent` is the row of the session before it. */
export type SynthRow = Readonly<{
  atUs: number
  session: string | null
  turn: number
  parent: SynthRow | null
  thinkUs: number
  promptTokens: number
  outputTokens: number
  maxTokens: number
  leaf: bigint | null
  answerLeaf: bigint | null
  /** Tokens read before the client left, or null. */
  readTokens: number | null
  of: ClientClass
}>

/** Time to the first token that turns are laid out with. */
const NOMINAL_FIRST_TOKEN_US = 200_000

/**
 * Each client has generators of its own for when and for what, so that a change of one client or of a
 * size moves nothing else.
 *
 * @param horizonUs nothing begins later
 */
export function* classRows(
  of: ClientClass,
  seed: string,
  horizonUs: number,
  blocks: SynthBlocks,
): Generator<SynthRow> {
  const shared = sharedTexts(of, seed, blocks)
  for (let client = 0; client < of.clients; client += 1) {
    const uniform = (purpose: string) => sequenceFor(seed, `synth ${of.name} ${client} ${purpose}`)
    const talk = talker(of, uniform('sessions'), blocks, shared)
    let number = 0
    for (const startUs of sessionStarts(of, uniform('arrivals'))) {
      if (startUs >= horizonUs) continue
      yield* talk(`${of.name}-${client}-${number}`, startUs, horizonUs)
      number += 1
    }
  }
}

function sessionStarts({ stages, curve, clients }: ClientClass, uniform: Uniform): number[] {
  const clock = curve === null ? null : rampClock(curve)
  return stages.flatMap(({ startUs, durationUs, arrivals: process }) => {
    // A curve presses more of the process into the same time, or less.
    const factor = curve === null ? 1 : Math.max(1, ...curve.factor)
    return arrivals(process, (durationUs / 1e6) * factor, uniform, clients === 1)
      .map((atSec) => startUs + Math.round(clock === null ? atSec * 1e6 : clock(atSec * 1e6)))
      .filter((atUs) => clock === null || atUs <= startUs + durationUs)
  })
}

/** System prompts and questions that all clients of a class share. */
type SharedTexts = Readonly<{
  systems: readonly Readonly<{ leaf: bigint | null; tokens: number }>[]
  growing: GrowingText | null
  questions: Map<number, Readonly<{ leaf: bigint | null; tokens: number }>>
}>

function sharedTexts(of: ClientClass, seed: string, blocks: SynthBlocks): SharedTexts {
  const { systemPrompt } = of
  const uniform = sequenceFor(seed, `synth ${of.name} system`)
  const draw = sampler(systemPrompt?.tokens ?? fixedLaw(0), uniform)
  const systems = Array.from({ length: systemPrompt?.groups ?? 1 }, () => {
    const tokens = systemPrompt === null ? 0 : whole(draw(), 0)
    return { tokens, leaf: blocks.add(null, tokens) }
  })
  return {
    systems,
    growing: of.isGrowingPrompt ? new GrowingText(blocks) : null,
    questions: new Map(),
  }
}

type Talk = (session: string, startUs: number, horizonUs: number) => Generator<SynthRow>

function talker(of: ClientClass, uniform: Uniform, blocks: SynthBlocks, shared: SharedTexts): Talk {
  const turnsOf = sampler(of.turns, uniform)
  const thinkOf = sampler(of.thinkSec, uniform)
  const sizesOf = sizer(of.sizes, uniform)
  const readOf = of.hangUps === null ? null : sampler(of.hangUps.afterTokens, uniform)
  return function* (session, startUs, horizonUs) {
    const turns = whole(turnsOf(), 1)
    const group = Math.floor(uniform() * shared.systems.length)
    const system = shared.systems[group]!
    let said: Prompt = system
    let atUs = startUs
    let parent: SynthRow | null = null
    let thinkUs = 0
    for (let turn = 0; turn < turns && atUs < horizonUs; turn += 1) {
      const [input, output] = sizesOf()
      const isLast = turn === turns - 1
      const asked = of.endpoint === 'embeddings' ? 0 : Math.max(1, output)
      const prompt = ask(of, shared, blocks, said, { group, input, isLast }, uniform)
      const answerLeaf = isLast ? null : blocks.add(prompt.leaf, asked)
      const readTokens = hangUp(of, asked, uniform, readOf)
      const row: SynthRow = {
        atUs,
        session: turns > 1 ? session : null,
        turn,
        parent,
        thinkUs,
        promptTokens: prompt.tokens,
        outputTokens: readTokens ?? asked,
        maxTokens: asked,
        leaf: prompt.leaf,
        answerLeaf,
        readTokens,
        of,
      }
      yield row
      // Who hangs up leaves for good.
      if (readTokens !== null) return
      parent = row
      said = { leaf: answerLeaf, tokens: prompt.tokens + asked }
      thinkUs = Math.max(0, Math.round(thinkOf() * 1e6))
      atUs += answerUs(of, asked) + thinkUs
    }
  }
}

type Prompt = Readonly<{ leaf: bigint | null; tokens: number }>

/** What is asked on top of what was said before. A block is made only where it can be quoted. */
function ask(
  of: ClientClass,
  shared: SharedTexts,
  blocks: SynthBlocks,
  before: Prompt,
  { group, input, isLast }: Readonly<{ group: number; input: number; isLast: boolean }>,
  uniform: Uniform,
): Prompt {
  const tokens = Math.max(1, before.tokens + input)
  if (shared.growing !== null) return { tokens, leaf: shared.growing.leafAt(tokens) }
  if (of.questionsPerGroup === null) {
    return { tokens, leaf: isLast ? before.leaf : blocks.add(before.leaf, input) }
  }
  const key = group * of.questionsPerGroup + Math.floor(uniform() * of.questionsPerGroup)
  const known = shared.questions.get(key)
  if (known !== undefined) return known
  const question = { tokens, leaf: blocks.add(before.leaf, input) }
  shared.questions.set(key, question)
  return question
}

function hangUp(
  { hangUps }: ClientClass,
  asked: number,
  uniform: Uniform,
  readOf: (() => number) | null,
): number | null {
  if (hangUps === null || readOf === null || asked === 0) return null
  return uniform() < hangUps.share ? Math.min(whole(readOf(), 0), asked - 1) : null
}

/** How long an answer of so many tokens is taken to last. */
function answerUs({ tokensPerSec }: ClientClass, tokens: number): number {
  return Math.round(NOMINAL_FIRST_TOKEN_US + (tokens / tokensPerSec) * 1e6)
}

function sizer(sizes: Sizes, uniform: Uniform): () => readonly [number, number] {
  if (sizes.kind === 'pairs') {
    const pick = picker(
      sizes.pairs.map(([, , weight]) => weight),
      uniform,
    )
    return () => {
      const [input, output] = sizes.pairs[pick()]!
      return [whole(input, 0), whole(output, 0)]
    }
  }
  const input = sampler(sizes.input, uniform)
  const output = sampler(sizes.output, uniform)
  return () => [whole(input(), 0), whole(output(), 0)]
}

function whole(value: number, least: number): number {
  return Math.max(least, Math.round(value))
}

/** The row as the trace has it. @param seqOf the number of a row */
export function requestRow(row: SynthRow, seqOf: (row: SynthRow) => number): Partial<RequestRow> {
  const { of, parent, readTokens } = row
  const isEmbedding = of.endpoint === 'embeddings'
  return {
    seq: seqOf(row),
    session: row.session,
    turn: row.session === null ? null : row.turn,
    parentSeq: parent === null ? null : seqOf(parent),
    dependencies:
      parent === null
        ? null
        : `[{"delayUs":${row.thinkUs},"relation":"turn","seq":${seqOf(parent)},"trigger":"end"}]`,
    tenant: of.tenant,
    model: of.model,
    endpoint: of.endpoint,
    atUs: row.atUs,
    stream: of.isStream && !isEmbedding,
    promptTokens: row.promptTokens,
    outputTokens: isEmbedding ? 0 : row.outputTokens,
    maxTokens: isEmbedding ? null : row.maxTokens,
    priority: of.priority,
    prefixLeaf: row.leaf,
    answerLeaf: row.answerLeaf,
    outcome: readTokens === null ? 'ok' : 'client_abort',
    abortUs: readTokens === null ? null : answerUs(of, readTokens),
  }
}
