/** Messages of any dialect as turns of plain text. Pure. */
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
