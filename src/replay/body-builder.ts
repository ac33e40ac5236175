/** Makes finished requests out of a plan's rows: head, parameters, prompt. Pure. */
import {
  ABORT_BY_TIME,
  ABORT_BY_TOKENS,
  CONNECTION_REUSED,
  type RequestShape,
} from '../workload/plan.ts'
import type { ReadyRequest } from './flight-result.ts'
import { PromptWriter, type PromptPlan, type PromptTarget } from './prompt-writer.ts'
import type { PrefixMode } from './prompt-words.ts'
import { bodyFrame, longestPrompt, PATHS, type BodyFrame } from './request-body.ts'
import { headMaker, requestId } from './request-head.ts'
import { toolsJson } from './tools.ts'

/** One model on one server, as far as bodies are concerned. */
export type BuildTarget = PromptTarget &
  Readonly<{
    host: string
    basePath: string
    /** Context length in tokens; null where it is not told. */
    maxModelTokens: number | null
    /** Index of the server that it is on. */
    server: number
    /** As the server calls it. */
    model: string
    /** Answers of /v1/responses can be named by later turns. */
    keepsResponses?: boolean
    extraHeaders: readonly (readonly [string, string])[]
  }>

export type BuildOptions = Readonly<{
  targets: readonly BuildTarget[]
  /** Index of a target for each of the plan's shapes. */
  targetOfShape: readonly number[]
  runId: string
  /** Servers that export spans are asked to. */
  isTraced?: boolean
  textSeed: string
  prefix: PrefixMode
  isLastOnConnection: boolean
  /** Answers may consist of these words only; vLLM alone knows how. */
  isAnswerOfWords: boolean
}>

export type BuiltRequest = Readonly<{ request: ReadyRequest; end: number }>

/** What differs from the plan, where a request follows another's answer. */
export type BuildChange = Readonly<{
  attempt?: number
  /** µs from replay start. */
  dueUs?: number
  /** JSON of the prompt, instead of the row's own words. */
  prompt?: Uint8Array | null
  /** The server has kept what stands before this prompt. */
  previousResponseId?: string | null
  /** The answer's token ids are wanted, since a later request quotes them. */
  isQuoted?: boolean
}>

type Kit = Readonly<{
  target: BuildTarget
  prompts: PromptWriter
  head: ReturnType<typeof headMaker>
}>

export class BodyBuilder {
  readonly #plan: PromptPlan
  readonly #options: BuildOptions
  readonly #kits: readonly Kit[]

  constructor(plan: PromptPlan, options: BuildOptions) {
    this.#plan = plan
    this.#options = options
    this.#kits = options.targets.map((target) => ({
      target,
      prompts: new PromptWriter(plan, target, options.textSeed, options.prefix),
      head: headMaker({
        host: target.host,
        basePath: target.basePath,
        runId: options.runId,
        isTraced: options.isTraced ?? false,
        isLastOnConnection: options.isLastOnConnection,
        extra: target.extraHeaders,
      }),
    }))
  }

  /** Writes the prompts of the target that this row goes to. */
  promptsOf(index: number): PromptWriter {
    return this.#kitOf(index).prompts
  }

  /**
   * @param into a buffer with `roomFor(index, change)` bytes after `from`
   * @returns the request, its due instant still from replay start, and where its bytes end in `into`;
   *   no bytes at all where the target cannot be asked this
   */
  build(index: number, into: Buffer, from: number, change: BuildChange = {}): BuiltRequest {
    const { columns } = this.#plan
    const shape = this.#shapeOf(index)
    const kit = this.#kitOf(index)
    const { attempt = 0, dueUs = columns.dueUs[index]! } = change
    const request = (bodyBytes: number): ReadyRequest => ({
      index,
      attempt,
      dueUs,
      sinceStartUs: dueUs,
      target: kit.target.server,
      bodyBytes,
      isStream: shape.isStream,
      isReuseWanted: (columns.flags[index]! & CONNECTION_REUSED) !== 0,
      ...abortOf(columns.flags[index]!, columns.abortAt[index]!),
    })
    const row = { seq: columns.seq[index]!, copy: columns.copy[index]!, attempt }
    const salt = requestId(this.#options.runId, row)
    const frame = this.#frame(kit, shape, index, salt, change)
    const path = PATHS[shape.endpoint]
    if (frame === null || path === null) return { request: request(0), end: from }
    // The body first, past the longest head, since the head tells its length.
    const bodyFrom = from + longestHead(kit.target)
    const promptFrom = bodyFrom + into.write(frame.before, bodyFrom, 'utf8')
    const promptEnd = writePrompt(kit.prompts, shape, index, into, promptFrom, change.prompt)
    const bodyEnd = promptEnd + into.write(frame.after, promptEnd, 'utf8')
    const head = kit.head(path, row, bodyEnd - bodyFrom)
    const headEnd = from + into.write(head, from, 'latin1')
    into.copyWithin(headEnd, bodyFrom, bodyEnd)
    return { request: request(bodyEnd - bodyFrom), end: headEnd + bodyEnd - bodyFrom }
  }

  /** Bytes that a buffer needs for this row, at most. */
  roomFor(index: number, change: BuildChange = {}): number {
    const { target, prompts } = this.#kitOf(index)
    const { params, toolBytes, tools } = this.#shapeOf(index)
    const fields = (params?.length ?? 0) * 3 + toolBytes * 2 + tools * 256
    const prompt = change.prompt?.length ?? prompts.longestBytes(index)
    return prompt + longestHead(target) + fields + 8_192
  }

  #shapeOf(index: number): RequestShape {
    const shape = this.#plan.shapes[this.#plan.columns.shape[index]!]
    if (shape === undefined) throw new Error(`no shape of request ${index}`)
    return shape
  }

  #targetOf(index: number): number {
    return this.#options.targetOfShape[this.#plan.columns.shape[index]!] ?? 0
  }

  #kitOf(index: number): Kit {
    const kit = this.#kits[this.#targetOf(index)]
    if (kit === undefined) throw new Error(`no target of request ${index}`)
    return kit
  }

  #frame(
    { target }: Kit,
    shape: RequestShape,
    index: number,
    salt: string,
    { isQuoted, previousResponseId = null }: BuildChange,
  ): BodyFrame | null {
    const { columns } = this.#plan
    const outputTokens = outputFor(shape, columns, index, target.maxModelTokens)
    if (outputTokens === null) return null
    return bodyFrame(
      {
        shape,
        model: target.model,
        outputTokens,
        isExactLength: true,
        cacheSalt: this.#options.prefix === 'salt' ? salt : null,
        tools: toolsJson(shape),
        allowedTokenIds: this.#options.isAnswerOfWords ? someIds(target.vocabulary) : null,
        wantsTokenIds: isQuoted === true && shape.endpoint === 'completions',
        previousResponseId,
      },
      target.dialect,
    )
  }
}

function writePrompt(
  prompts: PromptWriter,
  shape: RequestShape,
  index: number,
  into: Buffer,
  from: number,
  prompt: Uint8Array | null | undefined,
): number {
  if (prompt === null || prompt === undefined) return prompts.write(shape, index, into, from)
  into.set(prompt, from)
  return from + prompt.length
}

/**
 * A request that will be hung up asks for what is left of the context; any other for what is planned.
 *
 * @returns null if it does not fit
 */
function outputFor(
  shape: RequestShape,
  { promptTokens, outputTokens, flags }: PromptPlan['columns'],
  index: number,
  maxModelTokens: number | null,
): number | null {
  const least = shape.endpoint === 'embeddings' ? 0 : 1
  const wanted = Math.max(least, outputTokens[index]!)
  const context = maxModelTokens ?? Number.POSITIVE_INFINITY
  const room = context - longestPrompt(shape, promptTokens[index]!)
  if (wanted <= room) return wanted
  const isHangUp = (flags[index]! & (ABORT_BY_TIME | ABORT_BY_TOKENS)) !== 0
  return isHangUp && room >= 1 ? room : null
}

function abortOf(flags: number, abortAt: number) {
  return {
    abortAfterUs: (flags & ABORT_BY_TIME) === 0 ? Number.NaN : abortAt,
    abortAfterEvents: (flags & ABORT_BY_TOKENS) === 0 ? 0 : Math.max(1, abortAt),
  }
}

/** Enough for answers that differ; each of them stands in every request. */
const ANSWER_WORDS = 64

function someIds({ ids }: BuildTarget['vocabulary']): readonly number[] | null {
  return ids === null ? null : [...new Set(ids.slice(0, 4 * ANSWER_WORDS))].slice(0, ANSWER_WORDS)
}

/** Room for the request line, our own headers and the user's. */
function longestHead(target: BuildTarget): number {
  const own = 512 + target.host.length + target.basePath.length
  return target.extraHeaders.reduce(
    (sum, [name, value]) => sum + name.length + value.length + 4,
    own,
  )
}
