/** Makes finished requests out of a plan's rows: head, parameters, and a prompt of exactly so many tokens. Pure. */
import {
  ABORT_BY_TIME,
  ABORT_BY_TOKENS,
  NONE,
  type Plan,
  type RequestShape,
} from '../workload/plan.ts'
import type { ReadyRequest } from './flight-result.ts'
import { PromptWords, type PrefixMode } from './prompt-words.ts'
import { bodyFrame, PATHS, type BodyFrame, type Dialect } from './request-body.ts'
import { headMaker, requestId } from './request-head.ts'
import { BARE_FRAME, type TextFrame } from './text-frame.ts'
import type { Vocabulary } from './vocabulary.ts'
import { WordWriter } from './word-writer.ts'

/** One target, as far as bodies are concerned. */
export type BuildTarget = Readonly<{
  host: string
  basePath: string
  dialect: Dialect
  /** Context length in tokens; null where it is not told. */
  maxModelTokens: number | null
  /** Recorded model name → the target's. */
  models: Readonly<Record<string, string>>
  /** For rows without a model, and for names that stand in no map. */
  defaultModel: string
  vocabulary: Vocabulary
  /** By endpoint; those that are missing have none. */
  frames: Readonly<Partial<Record<RequestShape['endpoint'], TextFrame>>>
  extraHeaders: readonly (readonly [string, string])[]
}>

export type BuildOptions = Readonly<{
  targets: readonly BuildTarget[]
  /** Index of a target for each of the plan's shapes. */
  targetOfShape: readonly number[]
  runId: string
  textSeed: string
  prefix: PrefixMode
  isLastOnConnection: boolean
}>

export type BuildPlan = Pick<Plan, 'columns' | 'shapes' | 'blocks'>

export type BuiltRequest = Readonly<{ request: ReadyRequest; end: number }>

type Kit = Readonly<{
  target: BuildTarget
  words: PromptWords
  texts: WordWriter
  /** null where the target takes no token ids. */
  tokenIds: WordWriter | null
  head: ReturnType<typeof headMaker>
}>

export class BodyBuilder {
  readonly #plan: BuildPlan
  readonly #options: BuildOptions
  readonly #kits: readonly Kit[]
  #wordIndexes = new Uint32Array(4_096)

  constructor(plan: BuildPlan, options: BuildOptions) {
    this.#plan = plan
    this.#options = options
    this.#kits = options.targets.map((target) => {
      const { words, ids } = target.vocabulary
      return {
        target,
        words: new PromptWords(plan.blocks, words.length, options.textSeed, options.prefix),
        texts: new WordWriter(words, ''),
        tokenIds:
          ids === null || !target.dialect.isVllm ? null : new WordWriter(ids.map(String), ','),
        head: headMaker({
          host: target.host,
          basePath: target.basePath,
          runId: options.runId,
          isLastOnConnection: options.isLastOnConnection,
          extra: target.extraHeaders,
        }),
      }
    })
  }

  /**
   * @param into a buffer with `roomFor(index)` bytes after `from`
   * @returns the request, its due instant still from replay start, and where its bytes end in `into`;
   *   no bytes at all where the target has no such endpoint
   */
  build(index: number, attempt: number, into: Buffer, from: number): BuiltRequest {
    const { columns, shapes } = this.#plan
    const shapeIndex = columns.shape[index]!
    const shape = shapes[shapeIndex]
    const target = this.#options.targetOfShape[shapeIndex] ?? 0
    const kit = this.#kits[target]
    if (shape === undefined || kit === undefined) throw new Error(`no shape or target of ${index}`)
    const request = (bodyBytes: number): ReadyRequest => ({
      index,
      attempt,
      dueUs: columns.dueUs[index] ?? 0,
      target,
      bodyBytes,
      isStream: shape.isStream,
      ...abortOf(columns.flags[index] ?? 0, columns.abortAt[index] ?? 0),
    })
    const row = { seq: columns.seq[index]!, copy: columns.copy[index]!, attempt }
    const frame = this.#frame(kit, shape, index, requestId(this.#options.runId, row))
    const path = PATHS[shape.endpoint]
    if (frame === null || path === null) return { request: request(0), end: from }
    // The body first, past the longest head, since the head tells its length.
    const bodyFrom = from + longestHead(kit.target)
    const bodyEnd = this.#writeBody(kit, shape, frame, index, into, bodyFrom)
    const head = kit.head(path, row, bodyEnd - bodyFrom)
    const headEnd = from + into.write(head, from, 'latin1')
    into.copyWithin(headEnd, bodyFrom, bodyEnd)
    return { request: request(bodyEnd - bodyFrom), end: headEnd + bodyEnd - bodyFrom }
  }

  /** Bytes that a buffer needs for this row, at most. */
  roomFor(index: number): number {
    const shapeIndex = this.#plan.columns.shape[index]!
    const kit = this.#kits[this.#options.targetOfShape[shapeIndex] ?? 0]
    const params = this.#plan.shapes[shapeIndex]?.params?.length ?? 0
    return (kit === undefined ? 0 : this.#longestBytes(kit, index)) + params * 3 + 8_192
  }

  #longestBytes(kit: Kit, index: number): number {
    const tokens = this.#plan.columns.promptTokens[index] ?? 0
    const perToken = Math.max(kit.texts.longestBytes, kit.tokenIds?.longestBytes ?? 0)
    return tokens * perToken + longestHead(kit.target)
  }

  #frame(kit: Kit, shape: RequestShape, index: number, id: string): BodyFrame | null {
    const { columns } = this.#plan
    const { models, defaultModel, maxModelTokens, dialect } = kit.target
    const room = (maxModelTokens ?? Number.POSITIVE_INFINITY) - (columns.promptTokens[index] ?? 0)
    const outputTokens = Math.max(1, Math.min(columns.outputTokens[index] ?? 1, room))
    const name = shape.adapter ?? shape.model
    return bodyFrame(
      {
        shape,
        model: name === null ? defaultModel : (models[name] ?? defaultModel),
        outputTokens,
        isExactLength: true,
        cacheSalt: this.#options.prefix === 'salt' ? id : null,
        tools: null,
      },
      dialect,
    )
  }

  #writeBody(
    kit: Kit,
    shape: RequestShape,
    frame: BodyFrame,
    index: number,
    into: Buffer,
    from: number,
  ): number {
    let at = from + into.write(frame.before, from, 'utf8')
    at = this.#writePrompt(kit, shape, index, into, at)
    return at + into.write(frame.after, at, 'utf8')
  }

  #writePrompt(kit: Kit, shape: RequestShape, index: number, into: Buffer, from: number): number {
    const isBare = shape.endpoint === 'completions' || shape.endpoint === 'embeddings'
    const frame = isBare ? BARE_FRAME : (kit.target.frames[shape.endpoint] ?? BARE_FRAME)
    const parts = isBare ? Math.max(1, shape.inputCount) : 1
    const [open, close] =
      parts > 1
        ? LIST_WRAP
        : shape.endpoint === 'chat' || shape.endpoint === 'messages'
          ? MESSAGE_WRAP
          : NO_WRAP
    let at = from + into.write(open, from, 'latin1')
    for (let part = 0; part < parts; part += 1) {
      if (part > 0) at += into.write(',', at, 'latin1')
      const count = this.#fill(kit.words, frame, index, parts, part)
      if (isBare && kit.tokenIds !== null) {
        at = kit.tokenIds.write(this.#wordIndexes, count, into, at, '[', ']')
      } else {
        at = kit.texts.write(this.#wordIndexes, count, into, at, `"${frame.starter}`, '"')
      }
    }
    return at + into.write(close, at, 'latin1')
  }

  /** Chooses the words of one prompt. @returns how many */
  #fill(words: PromptWords, frame: TextFrame, index: number, parts: number, part: number): number {
    const { columns } = this.#plan
    const tokens = share(columns.promptTokens[index]!, parts, part)
    const span = {
      leaf: part === 0 ? columns.leaf[index]! : NONE,
      seq: columns.seq[index]!,
      copy: columns.copy[index]!,
      part,
      fromToken: frame.headTokens,
      toToken: Math.max(frame.headTokens, tokens - frame.tailTokens),
    }
    const count = span.toToken - span.fromToken
    if (this.#wordIndexes.length < count) this.#wordIndexes = new Uint32Array(count * 2)
    words.fill(this.#wordIndexes, span)
    return count
  }
}

const NO_WRAP = ['', ''] as const
const LIST_WRAP = ['[', ']'] as const
const MESSAGE_WRAP = ['[{"role":"user","content":', '}]'] as const

/** As even as whole tokens allow, at least one each. */
function share(total: number, parts: number, part: number): number {
  const base = Math.floor(total / parts)
  return Math.max(1, base + (part < total - base * parts ? 1 : 0))
}

function abortOf(flags: number, abortAt: number) {
  return {
    abortAfterUs: (flags & ABORT_BY_TIME) === 0 ? Number.NaN : abortAt,
    abortAfterEvents: (flags & ABORT_BY_TOKENS) === 0 ? 0 : Math.max(1, abortAt),
  }
}

/** Room for the request line, our own headers and the user's. */
function longestHead(target: BuildTarget): number {
  const own = 512 + target.host.length + target.basePath.length
  return target.extraHeaders.reduce(
    (sum, [name, value]) => sum + name.length + value.length + 4,
    own,
  )
}
