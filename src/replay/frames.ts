/** Templates in use on one target, each measured once. Effects: asks a tokenizer. */
import type { EndpointName } from '../trace/columns.ts'
import type { RequestShape } from '../workload/plan.ts'
import { GUESSED_FRAME, measureFrame, type TextFrame } from './text-frame.ts'
import type { TokenizerClient } from './tokenizer-client.ts'
import { toolsJson, toolsKey } from './tools.ts'
import type { Vocabulary } from './vocabulary.ts'

export type Frames = Readonly<Partial<Record<EndpointName, TextFrame>>>

/** By `toolsKey`. */
export type ToolFrames = Readonly<Record<string, TextFrame>>

const TEMPLATED = ['chat', 'responses', 'messages'] as const
/** More combinations of tools than this are taken for the first of their endpoint. */
const MOST_TOOL_FRAMES = 64

export const GUESSED_FRAMES: Frames = Object.fromEntries(
  TEMPLATED.map((name) => [name, GUESSED_FRAME]),
)

const wrap = (content: string) => [{ role: 'user', content }]

export async function measureFrames(
  tokenizer: TokenizerClient,
  vocabulary: Vocabulary,
  shapes: readonly RequestShape[],
): Promise<Frames> {
  const templated = TEMPLATED.filter((name) => shapes.some(({ endpoint }) => endpoint === name))
  if (templated.length === 0) return {}
  // All three end in the same template, as one message of the user.
  const frame = await measureFrame(tokenizer, vocabulary, wrap)
  return Object.fromEntries(templated.map((name) => [name, frame]))
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
    const tools: unknown = JSON.parse(toolsJson({ ...shape, endpoint: 'chat' }) ?? '[]')
    frames[key] = await measureFrame(tokenizer, vocabulary, wrap, tools)
  }
  return frames
}
