/** `/v1/messages` on the wire. Pure. */
import type { Delta } from './call.ts'
import { type Wire, type WireContext, namedEvent, promptCountOf } from './wire.ts'

export function messagesWire({ call }: WireContext): Wire {
  const inputTokens = promptCountOf(call)
  let last: Delta | null = null
  const head = { id: call.id, type: 'message', role: 'assistant' }
  return {
    greeting: '',
    opening:
      send('message_start', {
        message: {
          ...head,
          content: [],
          model: call.model,
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: inputTokens, output_tokens: 0 },
        },
      }) + send('content_block_start', { content_block: { type: 'text', text: '' }, index: 0 }),
    event: (delta) => {
      last = delta
      if (delta.text === '') return ''
      return send('content_block_delta', {
        delta: { type: 'text_delta', text: delta.text },
        index: 0,
      })
    },
    closing: (usage) =>
      send('content_block_stop', { index: 0 }) +
      send('message_delta', {
        delta: { stop_reason: reasonOf(last), stop_sequence: sequenceOf(last) },
        usage: { input_tokens: inputTokens, output_tokens: usage.completionTokens },
      }) +
      send('message_stop', {}),
    whole: ([answer], usage) =>
      JSON.stringify({
        ...head,
        content: [{ type: 'text', text: answer?.text ?? '' }],
        model: call.model,
        stop_reason: reasonOf(answer ?? null),
        ...(sequenceOf(answer ?? null) === null
          ? {}
          : { stop_sequence: sequenceOf(answer ?? null) }),
        usage: { input_tokens: inputTokens, output_tokens: usage.completionTokens },
      }),
  }
}

function send(type: string, fields: object): string {
  return namedEvent(type, { type, ...fields })
}

function reasonOf(delta: Delta | null): string {
  if (delta?.finish === 'length') return 'max_tokens'
  return sequenceOf(delta) === null ? 'end_turn' : 'stop_sequence'
}

function sequenceOf(delta: Delta | null): string | null {
  return typeof delta?.stopReason === 'string' ? delta.stopReason : null
}
