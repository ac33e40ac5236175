/** Templates in use on one target, each measured once. Effects: asks a tokenizer. */
import type { EndpointName } from '../trace/columns.ts'
import type { RequestShape } from '../workload/plan.ts'
import {
  BARE_FRAME,
  GUESSED_FRAME,
  measureBare,
  measureFrame,
  type TextFrame,
} from './text-frame.ts'
import type { TokenizerClient } from './tokenizer-client.ts'
import { toolsForTemplate, toolsKey } from './tools.ts'
import type { Vocabulary } from './vocabulary.ts'

export type Frames = Readonly<Partial<Record<EndpointName, TextFrame>>>

/** By `toolsKey`. */
export type ToolFrames = Readonly<Record<string, TextFrame>>

const TEMPLATED = ['chat', 'responses', 'messages'] as const
/** More combinations of tools than this are taken for the first of their endpoint. */
const MOST_TOOL_FRAMES = 64

/** For a target that tells nothing: a common template, and nothing around a bare prompt. */
export function guessedFrames(shapes: readonly RequestShape[]): Frames {
  return Object.fromEntries(shapes.map(({ endpoint }) => [endpoint, guessedFrame(endpoint)]))
}

function guessedFrame(endpoint: EndpointName): TextFrame {
  return isTemplated(endpoint) ? GUESSED_FRAME : { ...BARE_FRAME, isExact: false }
}

const wrap = (content: string) => [{ role: 'user', content }]

function isTemplated(endpoint: EndpointName): boolean {
  return TEMPLATED.some((name) => name === endpoint)
}

export async function measureFrames(
  tokenizer: TokenizerClient,
  vocabulary: Vocabulary,
  shapes: readonly RequestShape[],
): Promise<Frames> {
  const endpoints = [...new Set(shapes.map(({ endpoint }) => endpoint))]
  const templated = endpoints.filter(isTemplated)
  // All three end in the same template, as one message of the user.
  const frame = templated.length === 0 ? null : await measureFrame(tokenizer, vocabulary, wrap)
  const bare =
    endpoints.length === templated.length ? null : await measureBare(tokenizer, vocabulary)
  return Object.fromEntries(
    endpoints.map((endpoint) => [endpoint, (isTemplated(endpoint) ? frame : bare) ?? BARE_FRAME]),
  )
}

export async function measureToolFrames(
  tokenizer: TokenizerClient,
  vocabulary: Vocabulary,
  shapes: readonly RequestShape[],
): Promise<ToolFrames> {
  const frames: Record<string, TextFrame> = {}
  for (const shape of shapes) {
    const key = toolsKey(shape)
    if (key === null || frames[key] !== undefined) continue
    if (Object.keys(frames).length === MOST_TOOL_FRAMES) break
    frames[key] = await measureFrame(tokenizer, vocabulary, wrap, toolsForTemplate(shape))
  }
  return frames
}
