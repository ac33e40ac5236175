/** `/v1/responses` on the wire. Pure. */
import type { Delta, Usage } from './call.ts'
import { type Wire, type WireContext, namedEvent, pythonFloat } from './wire.ts'

export function responsesWire(context: WireContext): Wire {
  const itemId = `msg_${context.partId}`
  const send = numberedEvents()
  const place = { content_index: 0, item_id: itemId }
  const begun = { response: responseOf(context, itemId, null, null) }
  let text = ''
  let finish: Delta['finish'] = null
  return {
    greeting: send('response.created', begun) + send('response.in_progress', begun),
    opening:
      send('response.output_item.added', { item: itemOf(itemId, null), output_index: 0 }) +
      send('response.content_part.added', {
        ...place,
        output_index: 0,
        part: { annotations: [], text: '', type: 'output_text', logprobs: [] },
      }),
    event: (delta) => {
      text += delta.text
      finish = delta.finish
      if (delta.text === '') return ''
      const piece = { content_index: 0, delta: delta.text, item_id: itemId }
      return send('response.output_text.delta', { ...piece, logprobs: [], output_index: 0 })
    },
    closing: (usage) =>
      send('response.output_text.done', { ...place, logprobs: [], output_index: 0 }, { text }) +
      send('response.content_part.done', { ...place, output_index: 0, part: partOf(text) }) +
      send('response.output_item.done', { item: itemOf(itemId, text), output_index: 0 }) +
      send('response.completed', {
        response: responseOf(context, itemId, { text, finish }, usage),
      }),
    whole: ([answer], usage) => {
      const result = { text: answer?.text ?? '', finish: answer?.finish ?? null }
      return JSON.stringify(responseOf(context, itemId, result, usage))
    },
  }
}

/** Fields stand in the order of their names, so some come after the sequence number. */
function numberedEvents() {
  let sequenceNumber = 0
  return (type: string, fields: object, later: object = {}): string => {
    const event = { ...fields, sequence_number: sequenceNumber, ...later, type }
    sequenceNumber += 1
    return namedEvent(type, event)
  }
}

function partOf(text: string) {
  return { annotations: [], text, type: 'output_text', logprobs: null }
}

function itemOf(itemId: string, text: string | null) {
  return {
    id: itemId,
    content: text === null ? [] : [partOf(text)],
    role: 'assistant',
    status: text === null ? 'in_progress' : 'completed',
    type: 'message',
    phase: null,
  }
}

/** @param result null while the answer is being made */
function responseOf(
  { call }: WireContext,
  itemId: string,
  result: Readonly<{ text: string; finish: Delta['finish'] }> | null,
  usage: Usage | null,
) {
  const isCut = result?.finish === 'length'
  const finished = isCut ? 'incomplete' : 'completed'
  return {
    id: call.id,
    created_at: call.createdSec,
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    instructions: call.instructions,
    metadata: null,
    model: call.model,
    object: 'response',
    output: result === null ? [] : [itemOf(itemId, result.text)],
    parallel_tool_calls: true,
    temperature: pythonFloat(call.temperature),
    tool_choice: 'none',
    tools: [],
    top_p: pythonFloat(call.topP),
    background: false,
    max_output_tokens: call.askedMaxTokens ?? call.maxTokens,
    max_tool_calls: null,
    previous_response_id: null,
    prompt: null,
    reasoning: null,
    service_tier: 'auto',
    status: result === null ? 'in_progress' : finished,
    text: null,
    top_logprobs: null,
    truncation: 'disabled',
    usage: usage === null ? null : usageOf(usage),
    user: null,
    presence_penalty: pythonFloat(call.presencePenalty),
    frequency_penalty: pythonFloat(call.frequencyPenalty),
    kv_transfer_params: null,
    ec_transfer_params: null,
    input_messages: null,
    output_messages: null,
  }
}

function usageOf({ promptTokens, completionTokens, cachedTokens }: Usage) {
  return {
    input_tokens: promptTokens,
    input_tokens_details: {
      cached_tokens: cachedTokens,
      cache_write_tokens: 0,
      input_tokens_per_turn: [],
      cached_tokens_per_turn: [],
    },
    output_tokens: completionTokens,
    output_tokens_details: {
      reasoning_tokens: 0,
      tool_output_tokens: 0,
      output_tokens_per_turn: [],
      tool_output_tokens_per_turn: [],
    },
    total_tokens: promptTokens + completionTokens,
  }
}
