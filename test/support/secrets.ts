/** Secrets for every place where text can stand in traffic, and a search for what became of them. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const secrets: string[] = []
/** Letters that no program would write by chance, each a new one. */
export function secret(): string {
  const number = secrets.length
  const text = `Zq${number.toString(36).padStart(3, '0')}xWvKj${(number * 7_919).toString(36)}Qz`
  secrets.push(text)
  return text
}

/** A number that is a secret, too: of no size or time that could come up. */
const numbers: string[] = []
function secretNumber(): number {
  const value = 731_905_000_000 + numbers.length * 1_009
  numbers.push(String(value))
  return value
}

export const ENDPOINTS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/responses',
  '/v1/messages',
  '/v1/embeddings',
]

/** What a server says that quotes secrets of its own, and knows one model. */
export function answerText(isKnown: boolean, isStream: boolean): string {
  const head = (status: string, type: string, length: string) =>
    `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nX-Note: ${secret()}\r\nSet-Cookie: ${secret()}\r\n${length}\r\n\r\n`
  if (!isKnown) {
    const refusal = { error: { message: secret(), type: secret(), code: secret() } }
    const text = JSON.stringify(refusal)
    return head(`404 ${secret()}`, 'application/json', `Content-Length: ${text.length}`) + text
  }
  if (isStream) {
    const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`
    const events = [
      `: ${secret()}\n\nevent: ${secret()}\nid: ${secret()}\n`,
      event({
        id: secret(),
        model: 'known',
        choices: [
          { index: 0, delta: { content: secret(), reasoning: secret(), [secret()]: secret() } },
        ],
      }),
      event({
        choices: [
          {
            index: 0,
            delta: {
              tool_calls: [{ id: secret(), function: { name: secret(), arguments: secret() } }],
            },
            finish_reason: secret(),
            stop_reason: secret(),
          },
        ],
        usage: { prompt_tokens: secret(), completion_tokens: 3 },
      }),
      `data: {"broken": "${secret()}\n\n`,
      'data: [DONE]\n\n',
    ].join('')
    const chunk = `${Buffer.byteLength(events).toString(16)};${secret()}=${secret()}\r\n${events}\r\n0\r\nX-Trailer: ${secret()}\r\n\r\n`
    return head('200 OK', 'text/event-stream', 'Transfer-Encoding: chunked') + chunk
  }
  const whole = JSON.stringify({
    id: secret(),
    model: 'known',
    choices: [{ index: 0, message: { content: secret() }, text: secret(), finish_reason: 'stop' }],
    output: [{ type: 'message', content: [{ text: secret() }] }],
    content: [{ type: 'text', text: secret() }],
    usage: { prompt_tokens: 2, completion_tokens: 1 },
  })
  return head('200 OK', 'application/json', `Content-Length: ${whole.length}`) + whole
}

/** A body with a secret in every field that any dialect knows, and in some that none does. */
export function body(more: object): Record<string, unknown> {
  const part = () => ({ type: 'text', text: secret(), [secret()]: secret() })
  return {
    prompt: secret(),
    input: [
      { role: 'user', content: [{ type: 'input_text', text: secret() }] },
      { type: 'function_call', name: secret(), arguments: secret() },
    ],
    instructions: secret(),
    system: [part()],
    messages: [
      { role: secret(), name: secret(), content: secret() },
      {
        role: 'user',
        content: [part(), { type: 'image_url', image_url: { url: `https://x/${secret()}` } }],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: secret(), function: { name: secret(), arguments: `{"a":"${secret()}"}` } },
        ],
      },
      { role: 'tool', tool_call_id: secret(), content: secret() },
    ],
    tools: [
      {
        type: 'function',
        function: { name: secret(), description: secret(), parameters: { [secret()]: secret() } },
      },
    ],
    user: secret(),
    prompt_cache_key: secret(),
    previous_response_id: secret(),
    cache_salt: secret(),
    metadata: { user_id: secret(), [secret()]: secret() },
    stop: [secret()],
    logit_bias: { [secret()]: 1 },
    response_format: { json_schema: { name: secret() } },
    temperature: secretNumber(),
    top_k: secretNumber(),
    seed: secretNumber(),
    priority: secretNumber(),
    n: secretNumber(),
    top_p: secret(),
    ignore_eos: secret(),
    [secret()]: { [secret()]: secret() },
    ...more,
  }
}

export function post(path: string, text: string | Buffer, headers = '', framing = ''): Buffer {
  const bytes = Buffer.from(text)
  const length = framing === '' ? `Content-Length: ${bytes.length}\r\n` : framing
  const head =
    `POST ${path}?key=${secret()} HTTP/1.1\r\nHost: ${secret()}\r\nAuthorization: Bearer ${secret()}\r\n` +
    `Cookie: ${secret()}\r\nX-Session: ${secret()}\r\nX-Tenant: ${secret()}\r\nX-Request-Id: ${secret()}\r\n` +
    `X-Stainless-Retry-Count: ${secret()}\r\nX-Trace-Replay: ${secret()}\r\n${secret()}: ${secret()}\r\n` +
    `Connection: close\r\n${headers}${length}\r\n`
  return Buffer.concat([Buffer.from(head), bytes])
}

function filesUnder(path: string): string[] {
  if (!existsSync(path)) return []
  return statSync(path).isDirectory()
    ? readdirSync(path).flatMap((name) => filesUnder(join(path, name)))
    : [path]
}

/** Every file under a folder, as it is now. */
export function bytesUnder(folder: string): Buffer {
  return Buffer.concat(filesUnder(folder).map((file) => readFileSync(file)))
}

export function secretCount(): number {
  return secrets.length + numbers.length
}

/** @returns the secrets that stand in it, as they are, in base64 or in hex */
export function secretsIn(everything: Buffer): string[] {
  const lower = Buffer.from(everything.toString('latin1').toLowerCase(), 'latin1')
  return [...secrets, ...numbers].filter((text) => {
    const forms = [
      text,
      Buffer.from(text).toString('base64').slice(0, 16),
      Buffer.from(text).toString('hex'),
    ]
    return forms.some((form) => everything.includes(form)) || lower.includes(text.toLowerCase())
  })
}
