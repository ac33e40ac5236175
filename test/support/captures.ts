/** Bytes that a real vLLM sent, with what can be counted in them by plain means. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = '../shared/vllm/captures'

export const hasCaptures = existsSync(FOLDER)

export type WireCapture = { name: string; path: string; request: Buffer; answer: Buffer }

export function readCaptures(): WireCapture[] {
  if (!hasCaptures) return []
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.http') && !file.endsWith('.request.http'))
    .map((file) => {
      const name = file.slice(0, -'.http'.length)
      const requestPath = join(FOLDER, `${name}.request.http`)
      const request = existsSync(requestPath) ? readFileSync(requestPath) : Buffer.alloc(0)
      const path = request.toString('latin1').split(' ')[1] ?? ''
      return { name, path, request, answer: readFileSync(join(FOLDER, file)) }
    })
}

// oxlint-disable-next-line typescript/no-explicit-any -- it is whatever the server sent
type Json = Record<string, any>

/** What an answer says, counted line by line without any code of the program. */
export function countPlainly(answer: Buffer) {
  const text = answer.toString('utf8')
  const status = Number(text.slice(9, 12))
  const isStream = /content-type: text\/event-stream/i.test(text)
  const body = text.slice(text.indexOf('\r\n\r\n') + 4)
  const values: Json[] = isStream
    ? [...body.matchAll(/^data: (\{.*\})$/gm)].map(([, data]) => JSON.parse(data ?? ''))
    : body.startsWith('{') && !body.includes('\r\n')
      ? [JSON.parse(body)]
      : []
  const usage = values
    .map((value) => value['usage'] ?? value['response']?.usage ?? value['message']?.usage)
    .findLast((found) => found !== undefined && found !== null)
  const tokenEvents = values.filter((value) => isStream && isTokenEvent(value))
  return {
    status,
    isStream,
    usage: usage === undefined ? null : usageOf(usage),
    events: tokenEvents.length,
    listed: tokenEvents.map((value) => value['choices']?.[0]?.token_ids?.length ?? null),
    hasError: isStream && values.some((value) => value['error'] !== undefined),
    finish: values
      .flatMap((value) => value['choices'] ?? [])
      .map((choice: Json) => choice['finish_reason'])
      .find((reason) => typeof reason === 'string'),
    reasoning: tokenEvents.filter((value) => 'reasoning' in (value['choices']?.[0]?.delta ?? {}))
      .length,
    tools: tokenEvents.filter((value) => 'tool_calls' in (value['choices']?.[0]?.delta ?? {}))
      .length,
    queueMs: values.map((value) => value['metrics']?.queue_time_ms).findLast((ms) => ms != null),
  }
}

function usageOf(usage: Json) {
  return {
    prompt: usage['prompt_tokens'] ?? usage['input_tokens'],
    output: usage['completion_tokens'] ?? usage['output_tokens'],
    cached:
      (usage['prompt_tokens_details'] ?? usage['input_tokens_details'])?.cached_tokens ?? null,
  }
}

function isTokenEvent(value: Json): boolean {
  const [choice] = value['choices'] ?? []
  if (choice?.delta !== undefined) return choice.delta.role === undefined
  if (choice?.text !== undefined) return true
  return String(value['type']).endsWith('delta') && value['type'] !== 'message_delta'
}
