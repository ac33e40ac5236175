/** What must be known of a request to count its prompt, in vLLM's own terms. Pure. */
import { asArray, asObject, asText, type JsonObject } from '../stream/json.ts'
import type { EndpointName } from '../trace/columns.ts'

export type CountCall =
  | Readonly<{ kind: 'text'; prompt: string; body: JsonObject }>
  | Readonly<{
      kind: 'chat'
      messages: readonly JsonObject[]
      tools: readonly unknown[]
      variables: JsonObject
      body: JsonObject
    }>

/** Template settings that change a prompt's length. */
const TEMPLATE_FIELDS = [
  'add_generation_prompt',
  'continue_final_message',
  'chat_template',
] as const

/** @returns null where a prompt holds more than text, or is several */
export function countCallOf(endpoint: EndpointName, body: JsonObject): CountCall | null {
  const model = asText(body['model'])
  const named = model === null ? {} : { model }
  if (endpoint === 'completions') {
    const list = asArray(body['prompt'])
    const prompt = asText(list.length === 1 ? list[0] : body['prompt'])
    if (prompt === null) return null
    const special = body['add_special_tokens']
    const options = typeof special === 'boolean' ? { add_special_tokens: special } : {}
    return { kind: 'text', prompt, body: { ...named, prompt, ...options } }
  }
  if (endpoint !== 'chat') return null
  const messages = asArray(body['messages']).map((message) => asObject(message) ?? {})
  if (messages.length === 0 || !messages.every(isText)) return null
  const tools = asArray(body['tools'])
  const fields = Object.fromEntries(
    TEMPLATE_FIELDS.flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]]])),
  )
  const variables = asObject(body['chat_template_kwargs']) ?? {}
  return {
    kind: 'chat',
    messages,
    tools,
    variables: { ...fields, ...variables },
    body: {
      ...named,
      messages,
      ...fields,
      ...(tools.length === 0 ? {} : { tools }),
      ...(Object.keys(variables).length === 0 ? {} : { chat_template_kwargs: variables }),
    },
  }
}

function isText(message: JsonObject): boolean {
  return asArray(message['content']).every((part) => asObject(part)?.['type'] === 'text')
}
