/**
 * Templates as the server itself counts them: two small prompts of different length tell whether each word
 * is one token there, and how many tokens stand around them. Effects: network.
 */
import type { HttpClient } from '../base/http.ts'
import { allocateColumns } from '../workload/plan-columns.ts'
import { NONE, type RequestShape } from '../workload/plan.ts'
import { BodyBuilder, type BuildTarget } from './body-builder.ts'
import type { Frames, ToolFrames } from './frames.ts'
import { PromptWriter, type PromptPlan } from './prompt-writer.ts'
import { isBare, isSendable } from './request-body.ts'
import type { TextFrame } from './text-frame.ts'
import { toolsKey } from './tools.ts'

export type ProvenFrames = Readonly<{ frames: Frames; toolFrames: ToolFrames }>

export type ProofWish = Readonly<{
  client: HttpClient
  /** Root of the server's addresses. */
  url: URL
  shapes: readonly RequestShape[]
  timeoutUs: number
  /** The server's own tokenizer has measured this already. */
  isKnown: (shape: RequestShape, frame: TextFrame) => boolean
}>

type ProofTarget = Omit<BuildTarget, 'server' | 'maxModelTokens' | 'extraHeaders'>

/** Words beside the template in the two prompts. */
const SIZES = [16, 80] as const
/** More combinations of tools than this keep what was measured. */
const MOST_TOOL_KINDS = 8

/** @returns the frames, corrected where the server counts; as they were where it does not tell */
export async function proveFrames(target: ProofTarget, wish: ProofWish): Promise<ProvenFrames> {
  const frames: Record<string, TextFrame> = { ...target.frames }
  const toolFrames: Record<string, TextFrame> = { ...target.toolFrames }
  const prompts = writerOf(target)
  const seen = new Set<string>()
  let toolKinds = 0
  for (const shape of wish.shapes) {
    const tools = toolsKey(shape)
    const key = tools ?? shape.endpoint
    if (seen.has(key) || !isSendable(shape)) continue
    seen.add(key)
    // Token ids are counted one by one by whoever takes them.
    if (isBare(shape) && prompts.writesIds(shape)) continue
    const frame = prompts.frameOf(shape)
    if (wish.isKnown(shape, frame)) continue
    if (tools !== null && (toolKinds += 1) > MOST_TOOL_KINDS) continue
    const proven = await proveFrame(target, { ...shape, ...PLAIN }, frame, wish)
    if (tools === null) frames[key] = proven
    else toolFrames[key] = proven
  }
  return { frames, toolFrames }
}

/** What changes a prompt's size beside its words. */
const PLAIN = { n: 1, isStream: false, params: null, imageSizes: null, inputCount: 1 } as const

async function proveFrame(
  target: ProofTarget,
  shape: RequestShape,
  frame: TextFrame,
  { client, url, timeoutUs }: ProofWish,
): Promise<TextFrame> {
  const around = frame.headTokens + frame.tailTokens
  const plan = planOf(
    shape,
    SIZES.map((words) => around + words),
  )
  const builder = builderOf(target, plan)
  const off: number[] = []
  for (const index of SIZES.keys()) {
    const [path, json] = partsOf(builder, index)
    const answer = await client.call(new URL(path, url), { json, timeoutUs })
    const counted = answer.status < 300 ? promptTokensOf(answer.text) : null
    // A server that does not tell has said nothing against what was measured.
    if (counted === null) return frame
    off.push(counted - plan.columns.promptTokens[index]!)
  }
  return corrected(frame, off)
}

/** @param off tokens that the server counted beyond the planned ones, at each size */
export function corrected(frame: TextFrame, off: readonly number[]): TextFrame {
  const [first = 0] = off
  const around = frame.headTokens + frame.tailTokens + first
  if (around < 0 || off.some((each) => each !== first)) return { ...frame, isExact: false }
  const headTokens = Math.min(frame.headTokens, around)
  return { ...frame, headTokens, tailTokens: around - headTokens, isExact: true }
}

/** In the dialects of OpenAI and of Anthropic, whose own count leaves out what a cache served. */
export function promptTokensOf(text: string): number | null {
  try {
    const { usage } = JSON.parse(text) as { usage?: Record<string, unknown> }
    const count = (name: string) => (typeof usage?.[name] === 'number' ? usage[name] : null)
    const openAi = count('prompt_tokens')
    if (openAi !== null) return openAi
    const fresh = count('input_tokens')
    if (fresh === null) return null
    return (
      fresh + (count('cache_read_input_tokens') ?? 0) + (count('cache_creation_input_tokens') ?? 0)
    )
  } catch {
    return null
  }
}

function planOf(shape: RequestShape, sizes: readonly number[]): PromptPlan {
  const columns = allocateColumns(sizes.length)
  columns.promptTokens.set(sizes)
  columns.outputTokens.fill(1)
  columns.leaf.fill(NONE)
  columns.seq.set(sizes)
  const none = { id: new BigUint64Array(0), parent: new Uint32Array(0), tokens: new Uint32Array(0) }
  return { columns, shapes: [shape], blocks: none }
}

function builderOf(target: ProofTarget, plan: PromptPlan): BodyBuilder {
  const whole = { ...target, server: 0, maxModelTokens: null, extraHeaders: [] }
  return new BodyBuilder(plan, {
    targets: [whole],
    targetOfShape: [0],
    runId: 'proof',
    textSeed: 'proof',
    prefix: 'unique',
    isLastOnConnection: false,
    isAnswerOfWords: false,
  })
}

function partsOf(builder: BodyBuilder, index: number): readonly [string, unknown] {
  const into = Buffer.alloc(builder.roomFor(index))
  const { end } = builder.build(index, into, 0)
  const text = into.toString('utf8', 0, end)
  const bodyAt = text.indexOf('\r\n\r\n') + 4
  return [text.split(' ')[1] ?? '/', JSON.parse(text.slice(bodyAt))]
}

function writerOf(target: ProofTarget): PromptWriter {
  const shape = { endpoint: 'other' } as RequestShape
  return new PromptWriter(planOf(shape, []), target, 'proof', 'unique')
}
