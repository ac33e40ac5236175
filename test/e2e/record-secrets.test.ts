/** 500 secrets go through the recorder in every place where text can stand; none may stay behind. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pause } from '../../src/base/clock.ts'
import { rowsOf, startRecorder, type Recorder } from '../support/recorder.ts'
import { watch, wireClient, wireServer, type WireServer } from '../support/wire.ts'

const secrets: string[] = []
/** Letters that no program would write by chance, each a new one. */
function secret(): string {
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

const ENDPOINTS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/responses',
  '/v1/messages',
  '/v1/embeddings',
]

let server: WireServer
let recorder: Recorder

/** Answers 200 to a model that it has, 404 to others; its text quotes secrets of its own. */
beforeAll(async () => {
  server = await wireServer((socket) => {
    let seen = ''
    socket.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1')
      if (!/\r\n\r\n/.test(seen)) return
      const isKnown = seen.includes('"model":"known"')
      const isStream = seen.includes('"stream":true')
      seen = ''
      socket.write(answerText(isKnown, isStream))
    })
    socket.on('end', () => socket.end())
  })
  recorder = await startRecorder(server.port, {
    sessionBy: 'header:x-session,user,prompt_cache_key,previous_response_id,prefix',
    tenantBy: 'header:x-tenant',
  })
})

afterAll(async () => {
  recorder.remove()
  await server.close()
})

function answerText(isKnown: boolean, isStream: boolean): string {
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
function body(more: object): Record<string, unknown> {
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

function post(path: string, text: string | Buffer, headers = '', framing = ''): Buffer {
  const bytes = Buffer.from(text)
  const length = framing === '' ? `Content-Length: ${bytes.length}\r\n` : framing
  const head =
    `POST ${path}?key=${secret()} HTTP/1.1\r\nHost: ${secret()}\r\nAuthorization: Bearer ${secret()}\r\n` +
    `Cookie: ${secret()}\r\nX-Session: ${secret()}\r\nX-Tenant: ${secret()}\r\nX-Request-Id: ${secret()}\r\n` +
    `X-Stainless-Retry-Count: ${secret()}\r\nX-Trace-Replay: ${secret()}\r\n${secret()}: ${secret()}\r\n` +
    `Connection: close\r\n${headers}${length}\r\n`
  return Buffer.concat([Buffer.from(head), bytes])
}

/** Sends, takes what comes until the end or for a moment, and leaves. */
async function send(bytes: Buffer | string): Promise<void> {
  const socket = await wireClient(recorder.port)
  const { ended } = watch(socket)
  socket.write(bytes)
  await Promise.race([ended, pause(60_000)])
  socket.destroy()
}

function filesUnder(path: string): string[] {
  if (!existsSync(path)) return []
  return statSync(path).isDirectory()
    ? readdirSync(path).flatMap((name) => filesUnder(join(path, name)))
    : [path]
}

test('no secret of a request or an answer is in a file or a line of log', async () => {
  for (const path of ENDPOINTS) {
    const known = JSON.stringify(body({ model: 'known' }))
    await send(post(path, JSON.stringify(body({ model: secret() }))))
    await send(post(path, known))
    await send(post(path, JSON.stringify(body({ model: 'known', stream: true }))))
    await send(post(path, known.slice(0, known.length / 2)))
    await send(post(path, gzipSync(known), 'Content-Encoding: gzip\r\n'))
    await send(post(path, `${secret()} no JSON`, `Content-Encoding: ${secret()}\r\n`))
    await send(
      post(
        path,
        JSON.stringify({
          model: [secret()],
          messages: secret(),
          prompt: { [secret()]: 1 },
          input: 5,
          tools: secret(),
          stream: secret(),
        }),
      ),
    )
    const chunks = `5;${secret()}="${secret()}"\r\n{"a":\r\n0\r\n${secret()}: ${secret()}\r\n\r\n`
    await send(post(path, chunks, '', 'Transfer-Encoding: chunked\r\n'))
  }
  await send(`${secret()} /${secret()} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await send(`GET /${secret()}?${secret()}=${secret()} HTTP/1.1\r\nHost: ${secret()}\r\n\r\n`)
  await send(
    `POST /v1/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}${secret()} ${secret()}\r\n\r\n${secret()}`,
  )
  await send(
    `POST /v1/completions HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: ${secret()}\r\n\r\n${secret()}`,
  )
  await send(
    `POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 900000\r\n\r\n{"messages":"${secret()}`,
  )
  const deep = `{"model":"known","tools":${'['.repeat(20_000)}"${secret()}"${']'.repeat(20_000)}}`
  await send(post('/v1/chat/completions', deep))
  expect(secrets.length + numbers.length).toBeGreaterThan(500)
  expect(await recorder.stop()).toBe(0)

  const rows = await rowsOf(recorder.directory)
  expect(rows.length).toBeGreaterThanOrEqual(ENDPOINTS.length * 8)
  // The secrets did pass: through answers that were read, refused, and cut.
  expect(new Set(rows.map(({ outcome }) => outcome)).size).toBeGreaterThan(1)
  expect(rows.filter(({ outputTokens }) => (outputTokens ?? 0) > 0).length).toBeGreaterThan(3)
  expect(rows.filter(({ tenant }) => tenant !== null).length).toBeGreaterThan(20)
  const files = filesUnder(recorder.directory)
  expect(files.length).toBeGreaterThan(0)
  const kept = [...files, `${recorder.directory}.key`].map((file) => readFileSync(file))
  const said = Buffer.from(recorder.said.err + recorder.said.out)
  const everything = Buffer.concat([...kept, said])
  const lower = Buffer.from(everything.toString('latin1').toLowerCase(), 'latin1')
  const found = [...secrets, ...numbers].filter((text) => {
    const forms = [
      text,
      Buffer.from(text).toString('base64').slice(0, 16),
      Buffer.from(text).toString('hex'),
    ]
    return forms.some((form) => everything.includes(form)) || lower.includes(text.toLowerCase())
  })
  expect(found).toEqual([])
})
