/** Writes prompts of exactly so many tokens for one target, as token ids or as words. Pure. */
import type { EndpointName } from '../trace/columns.ts'
import { NONE, type Plan, type RequestShape } from '../workload/plan.ts'
import { PromptWords, type PrefixMode } from './prompt-words.ts'
import type { Frames, ToolFrames } from './frames.ts'
import { makePicture, parsePictures, pictureTokens } from './picture.ts'
import { isBare, promptsOf, type Dialect } from './request-body.ts'
import { BARE_FRAME, type TextFrame } from './text-frame.ts'
import { toolsKey } from './tools.ts'
import type { Vocabulary } from './vocabulary.ts'
import { WordWriter } from './word-writer.ts'

export type PromptPlan = Pick<Plan, 'columns' | 'shapes' | 'blocks'>

export type PromptTarget = Readonly<{
  dialect: Dialect
  vocabulary: Vocabulary
  frames: Frames
  toolFrames: ToolFrames
}>

export class PromptWriter {
  readonly #plan: PromptPlan
  readonly #target: PromptTarget
  readonly #words: PromptWords
  readonly #texts: WordWriter
  /** null where the target takes no token ids. */
  readonly #tokenIds: WordWriter | null
  #wordIndexes = new Uint32Array(4_096)

  constructor(plan: PromptPlan, target: PromptTarget, textSeed: string, mode: PrefixMode) {
    const { words, ids } = target.vocabulary
    this.#plan = plan
    this.#target = target
    this.#words = new PromptWords(plan.blocks, target.vocabulary, textSeed, mode)
    this.#texts = new WordWriter(words, '')
    this.#tokenIds =
      ids === null || !target.dialect.isVllm ? null : new WordWriter(ids.map(String), ',')
  }

  /** Prompts go out as token ids, so that nothing is tokenized again. */
  writesIds(shape: RequestShape): boolean {
    return isBare(shape) && this.#tokenIds !== null
  }

  frameOf(shape: RequestShape): TextFrame {
    if (this.writesIds(shape)) return BARE_FRAME
    const { frames, toolFrames } = this.#target
    const key = toolsKey(shape)
    return (key === null ? null : toolFrames[key]) ?? frames[shape.endpoint] ?? BARE_FRAME
  }

  /** Bytes that a prompt takes, at most. */
  longestBytes(index: number): number {
    const tokens = this.#plan.columns.promptTokens[index]!
    const shape = this.#plan.shapes[this.#plan.columns.shape[index]!]
    const pictures = parsePictures(shape?.imageSizes ?? null)
    const shownBytes = pictures.reduce(
      (sum, { width, height, bytes }) => sum + 2 * Math.max(bytes, width * height) + 1_024,
      0,
    )
    const perToken = Math.max(this.#texts.longestBytes, this.#tokenIds?.longestBytes ?? 0)
    return tokens * perToken + shownBytes + 1_024
  }

  /** @returns where the prompt's JSON ends in `into` */
  write(shape: RequestShape, index: number, into: Buffer, from: number): number {
    const frame = this.frameOf(shape)
    const parts = promptsOf(shape)
    const pictures = takesPictures(shape) ? parsePictures(shape.imageSizes) : []
    const shownTokens = pictures.reduce((sum, picture) => sum + pictureTokens(picture), 0)
    const [open, close] = wrapOf(shape, parts, pictures.length > 0)
    let at = from + into.write(open, from, 'latin1')
    for (const [which, picture] of pictures.entries()) {
      const image = makePicture(picture, index * 31 + which).toString('base64')
      const [before, after] = PICTURE_PARTS[shape.endpoint] ?? NO_WRAP
      at += into.write(before + image + after, at, 'latin1')
    }
    if (pictures.length > 0) at += into.write(textPart(shape), at, 'latin1')
    for (let part = 0; part < parts; part += 1) {
      if (part > 0) at += into.write(',', at, 'latin1')
      const tokens = share(this.#plan.columns.promptTokens[index]!, parts, part)
      const end = Math.max(frame.headTokens, tokens - frame.tailTokens - shownTokens)
      const count = this.#fill(index, part, frame.headTokens, end)
      at = this.writesIds(shape)
        ? this.#writeIds(count, into, at)
        : this.#texts.write(this.#wordIndexes, count, into, at, `"${frame.starter}`, '"')
    }
    return at + into.write(close, at, 'latin1')
  }

  #writeIds(count: number, into: Buffer, from: number): number {
    const writer = this.#tokenIds
    return writer === null ? from : writer.write(this.#wordIndexes, count, into, from, '[', ']')
  }

  /** Token ids of a row's own words at prompt positions [from, to). */
  ids(index: number, fromToken: number, toToken: number): Uint32Array {
    const count = this.#fill(index, 0, fromToken, toToken)
    const { ids } = this.#target.vocabulary
    return this.#wordIndexes.slice(0, count).map((word) => ids?.[word] ?? 0)
  }

  /** The same as text, a space before each word. */
  text(index: number, fromToken: number, toToken: number): string {
    const count = this.#fill(index, 0, fromToken, toToken)
    const { words } = this.#target.vocabulary
    return Array.from(this.#wordIndexes.subarray(0, count), (word) => words[word]).join('')
  }

  /** Chooses the words of one prompt. @returns how many */
  #fill(index: number, part: number, fromToken: number, toToken: number): number {
    const { columns } = this.#plan
    const count = Math.max(0, toToken - fromToken)
    if (this.#wordIndexes.length < count) this.#wordIndexes = new Uint32Array(count * 2)
    this.#words.choose(this.#wordIndexes, {
      leaf: part === 0 ? columns.leaf[index]! : NONE,
      seq: columns.seq[index]!,
      copy: columns.copy[index]!,
      part,
      fromToken,
      toToken,
    })
    return count
  }
}

const NO_WRAP = ['', ''] as const
const LIST_WRAP = ['[', ']'] as const
const MESSAGE_WRAP = ['[{"role":"user","content":', '}]'] as const
const PARTS_WRAP = ['[{"role":"user","content":[', '}]}]'] as const

/** What stands before and after a picture's base64, in the words of each dialect. */
const PICTURE_PARTS: Readonly<Partial<Record<EndpointName, readonly [string, string]>>> = {
  chat: ['{"type":"image_url","image_url":{"url":"data:image/png;base64,', '"}},'],
  messages: ['{"type":"image","source":{"type":"base64","media_type":"image/png","data":"', '"}},'],
  responses: ['{"type":"input_image","detail":"auto","image_url":"data:image/png;base64,', '"},'],
}

function takesPictures({ endpoint }: RequestShape): boolean {
  return PICTURE_PARTS[endpoint] !== undefined
}

function textPart({ endpoint }: RequestShape): string {
  return `{"type":"${endpoint === 'responses' ? 'input_text' : 'text'}","text":`
}

function wrapOf(
  { endpoint }: RequestShape,
  parts: number,
  hasPictures: boolean,
): readonly [string, string] {
  if (parts > 1) return LIST_WRAP
  if (hasPictures) return PARTS_WRAP
  return endpoint === 'chat' || endpoint === 'messages' ? MESSAGE_WRAP : NO_WRAP
}

/** As even as whole tokens allow, at least one each. */
function share(total: number, parts: number, part: number): number {
  const base = Math.floor(total / parts)
  return Math.max(1, base + (part < total - base * parts ? 1 : 0))
}
