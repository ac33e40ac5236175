/** Made-up tool schemas of the recorded number and size: the same for the same numbers, so that they are shared. Pure. */
import type { RequestShape } from '../workload/plan.ts'

/** Name of what a shape offers; null where it offers none, or its endpoint takes none. */
export function toolsKey({ endpoint, tools, toolBytes }: RequestShape): string | null {
  const takesTools = endpoint === 'chat' || endpoint === 'responses' || endpoint === 'messages'
  return tools > 0 && takesTools ? `${endpoint} ${tools} ${toolBytes}` : null
}

/** @returns a JSON list of about `toolBytes` bytes; null where there are no tools */
export function toolsJson(shape: RequestShape): string | null {
  if (toolsKey(shape) === null) return null
  const { endpoint, tools, toolBytes } = shape
  const bare = Array.from({ length: tools }, (_, at) => definition(endpoint, at, ''))
  const missing = Math.max(0, toolBytes - JSON.stringify(bare).length)
  const share = Math.floor(missing / tools)
  const sized = bare.map((_, at) =>
    definition(endpoint, at, filler(at === 0 ? missing - share * (tools - 1) : share)),
  )
  return JSON.stringify(sized)
}

/** The same in the form of chat, as templates read them; null where there are none. */
export function toolsForTemplate(shape: RequestShape): unknown {
  const json = toolsKey(shape) === null ? null : toolsJson({ ...shape, endpoint: 'chat' })
  return json === null ? null : (JSON.parse(json) as unknown)
}

const SENTENCE = 'Looks up what was asked for and gives back what it found. '

function filler(bytes: number): string {
  return SENTENCE.repeat(Math.ceil(bytes / SENTENCE.length)).slice(0, bytes)
}

function definition(endpoint: RequestShape['endpoint'], at: number, description: string): unknown {
  const name = `tool_${at}`
  const schema = { type: 'object', properties: { query: { type: 'string' } } }
  if (endpoint === 'messages') return { name, description, input_schema: schema }
  if (endpoint === 'responses') return { type: 'function', name, description, parameters: schema }
  return { type: 'function', function: { name, description, parameters: schema } }
}
