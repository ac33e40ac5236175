/** Messages of a request as vLLM hands them to a model's chat template. Pure. */

export type ChatMessageFields = Readonly<Record<string, unknown>>

/** A template that goes through the parts of a content itself; the others want one text. */
const PART_LOOP = /\bfor\s+\w+\s+in\s+(?:[\w.]*\bcontent\b|\w+\[\\?["']content\\?["']\])/

export function messagesFor(
  template: string,
  messages: readonly ChatMessageFields[],
): ChatMessageFields[] {
  const wantsParts = PART_LOOP.test(template)
  return messages.map(({ content, tool_calls: calls, ...rest }) => ({
    ...rest,
    content: contentFor(content ?? [], wantsParts && rest['role'] !== 'tool'),
    ...(Array.isArray(calls) && calls.length > 0 ? { tool_calls: calls.map(withArguments) } : {}),
  }))
}

function contentFor(content: unknown, wantsParts: boolean): unknown {
  if (typeof content === 'string') return wantsParts ? [{ type: 'text', text: content }] : content
  if (wantsParts || !Array.isArray(content) || !content.every(isText)) return content
  return content.map(({ text }) => text).join('\n')
}

function isText(part: unknown): part is { text: string } {
  return isFields(part) && typeof part['text'] === 'string'
}

/** Clients send the arguments of a call as JSON text; a template writes an object. */
function withArguments(call: unknown): unknown {
  if (!isFields(call) || !isFields(call['function'])) return call
  const given = call['function']['arguments']
  const parsed = typeof given === 'string' ? parse(given) : given
  return { ...call, function: { ...call['function'], arguments: isFields(parsed) ? parsed : {} } }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Cut off by its length: the model's own words, which an engine goes on from as if there were none.
    return null
  }
}

function isFields(value: unknown): value is ChatMessageFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
