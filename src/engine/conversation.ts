/** Messages of any dialect as turns of plain text. Pure. */
import type { Fields } from './fields.ts'
import { badRequest } from './refusal.ts'
import type { Turn } from './tokenizer.ts'

/** @throws Refusal where there is no message */
export function readTurns(messages: readonly unknown[]): Turn[] {
  if (messages.length === 0) {
    throw badRequest(
      'Cannot apply chat template to an empty conversation. Provide at least one message.',
    )
  }
  return messages.map((message) => {
    const { role, content } = (message ?? {}) as Readonly<Record<string, unknown>>
    return { role: typeof role === 'string' ? role : 'user', content: readContent(content) }
  })
}

const MEDIA_PARTS = /^(?:image|audio|video|input_audio|input_image|file)/

/** @throws Refusal where a part is no text: no profile has a model that sees or hears */
export function checkTextOnly(messages: readonly unknown[], modelName: string): void {
  for (const message of messages) {
    const { content } = (message ?? {}) as Readonly<Record<string, unknown>>
    if (!Array.isArray(content)) continue
    for (const part of content as readonly unknown[]) {
      const { type } = (part ?? {}) as Readonly<Record<string, unknown>>
      if (typeof type === 'string' && MEDIA_PARTS.test(type)) {
        throw badRequest(`${modelName} is not a multimodal model`)
      }
    }
  }
}

/** How the template ends, from the two fields that say so. */
export function readEnding(fields: Fields): 'head' | 'closed' | 'open' {
  const hasHead = fields.flag('add_generation_prompt')
  const isOpen = fields.flag('continue_final_message')
  if (isOpen && hasHead) {
    throw badRequest(
      'Cannot set both `continue_final_message` and `add_generation_prompt` to True.',
    )
  }
  if (isOpen && !fields.has('add_generation_prompt')) {
    throw badRequest(
      'continue_final_message and add_generation_prompt are not compatible. Use ' +
        'continue_final_message when you want the model to continue the final message, and ' +
        'add_generation_prompt when you want to add a header that will prompt it to start a new ' +
        'assistant message instead.',
    )
  }
  if (isOpen) return 'open'
  return hasHead || !fields.has('add_generation_prompt') ? 'head' : 'closed'
}

/** Text as it is; text parts joined by newlines, as chat templates do; other parts are left out. */
export function readContent(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  const texts = content.flatMap((part) => {
    const { text } = (part ?? {}) as Readonly<Record<string, unknown>>
    return typeof text === 'string' ? [text] : []
  })
  return texts.join('\n')
}
