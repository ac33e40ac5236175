/**
 * The HTTP client for everything that is not the measured load: models, tokenize, metrics, pull.
 * Effects: network, through undici.
 */
import { PassThrough, type Readable } from 'node:stream'
import { Agent, request } from 'undici'
import { TraceError } from './errors.ts'
import { hintOf, reasonOf } from './reason.ts'

/** Below vLLM's 5 s, so that a pooled connection is never used while the server closes it. */
const KEEP_ALIVE_MS = 2_000
const DEFAULT_TIMEOUT_US = 10_000_000
const DEFAULT_BODY_LIMIT_BYTES = 64_000_000

export type TlsOptions = Readonly<{
  ca?: string
  cert?: string
  key?: string
  serverName?: string
  /** Only by name, never by default. */
  isInsecure?: boolean
}>

export type HttpOptions = Readonly<{
  tls?: TlsOptions
  headers?: Readonly<Record<string, string>>
  /** Closing waits for connections that are being made: no longer than this. */
  connectTimeoutUs?: number
}>

export type HttpAnswer = Readonly<{
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  text: string
}>

export type HttpCall = Readonly<{
  method?: 'GET' | 'POST' | 'PUT' | 'HEAD' | 'DELETE'
  /** A plain value is sent as JSON. */
  json?: unknown
  headers?: Readonly<Record<string, string>>
  timeoutUs?: number
  bodyLimitBytes?: number
  signal?: AbortSignal
}>

/** An answer whose body is read as it comes. */
export type HttpStream = Readonly<{
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: AsyncIterable<Uint8Array>
  /** The body where it is short: an error's text, a small document. */
  text(): Promise<string>
}>

export type HttpOpenCall = Readonly<{
  method?: 'GET' | 'POST' | 'PUT' | 'HEAD' | 'DELETE' | 'PATCH'
  headers?: Readonly<Record<string, string>>
  body?: Uint8Array | string | Readable
  signal?: AbortSignal
}>

export class HttpClient {
  #agent: Agent
  readonly #headers: Readonly<Record<string, string>>
  readonly #connectTimeoutUs: number

  constructor(options: HttpOptions = {}) {
    this.#headers = options.headers ?? {}
    this.#connectTimeoutUs = options.connectTimeoutUs ?? DEFAULT_TIMEOUT_US
    this.#agent = agentFor(options.tls, this.#connectTimeoutUs)
  }

  /** Calls from here on; those under way end as they began. */
  renewTls(tls: TlsOptions): void {
    const before = this.#agent
    this.#agent = agentFor(tls, this.#connectTimeoutUs)
    void before.close()
  }

  /** @throws TraceError TARGET_DOWN if no answer came; an error status is an answer. */
  async call(url: URL | string, call: HttpCall = {}): Promise<HttpAnswer> {
    const { method = call.json === undefined ? 'GET' : 'POST', timeoutUs = DEFAULT_TIMEOUT_US } =
      call
    const timeout = AbortSignal.timeout(Math.ceil(timeoutUs / 1_000))
    try {
      const answer = await request(url, {
        method,
        dispatcher: this.#agent,
        signal: call.signal === undefined ? timeout : AbortSignal.any([timeout, call.signal]),
        headers: {
          ...this.#headers,
          ...(call.json === undefined ? {} : { 'content-type': 'application/json' }),
          ...call.headers,
        },
        ...(call.json === undefined ? {} : { body: JSON.stringify(call.json) }),
      })
      const text = await readLimited(answer.body, call.bodyLimitBytes ?? DEFAULT_BODY_LIMIT_BYTES)
      return { status: answer.statusCode, headers: answer.headers, text }
    } catch (error) {
      if (error instanceof TraceError || call.signal?.aborted === true) throw error
      throw unreachable(url, error)
    }
  }

  /**
   * For bodies too large for memory. The caller reads or destroys the body; a silence longer than
   * the client's limit ends it.
   *
   * @throws TraceError TARGET_DOWN if no answer came
   */
  async open(url: URL | string, call: HttpOpenCall = {}): Promise<HttpStream> {
    const { method = 'GET', headers, body, signal } = call
    try {
      const answer = await request(url, {
        method,
        dispatcher: this.#agent,
        headers: { ...this.#headers, ...headers },
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      })
      const parts = arrivals(answer.body)
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: parts,
        text: () => readLimited(parts, DEFAULT_BODY_LIMIT_BYTES),
      }
    } catch (error) {
      if (signal?.aborted === true) throw error
      throw unreachable(url, error)
    }
  }

  /** The body as JSON, or null where it is none or the status is not 2xx. */
  async callJson(url: URL | string, call: HttpCall = {}): Promise<unknown> {
    const { status, text } = await this.call(url, call)
    if (status < 200 || status > 299) return null
    try {
      return JSON.parse(text) as unknown
    } catch {
      return null
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}

function unreachable(url: URL | string, cause: unknown): TraceError {
  const hint = hintOf(cause)
  const message = `cannot reach ${new URL(url).origin}: ${reasonOf(cause)}`
  return new TraceError('TARGET_DOWN', message, { cause, ...(hint === undefined ? {} : { hint }) })
}

function agentFor(tls: TlsOptions = {}, connectTimeoutUs: number): Agent {
  const { ca, cert, key, serverName, isInsecure } = tls
  return new Agent({
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connect: {
      timeout: Math.ceil(connectTimeoutUs / 1_000),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
      rejectUnauthorized: isInsecure !== true,
    },
  })
}

/** All that arrived, and only then how it was cut off: a stream that fails drops what nobody has read. */
function arrivals(body: Readable): AsyncIterable<Uint8Array> {
  const arrived = new PassThrough()
  const cut: { error: Error | null } = { error: null }
  body.once('error', (error) => {
    cut.error = error
    for (let part: unknown = body.read(); part !== null; part = body.read()) arrived.write(part)
    arrived.end()
  })
  body.pipe(arrived)
  return (async function* () {
    try {
      yield* arrived as AsyncIterable<Uint8Array>
      if (cut.error !== null) throw cut.error
    } finally {
      body.destroy()
    }
  })()
}

async function readLimited(body: AsyncIterable<Uint8Array>, limitBytes: number): Promise<string> {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  for await (const part of body) {
    sizeBytes += part.byteLength
    if (sizeBytes > limitBytes) {
      throw new TraceError('TARGET_UNFIT', `an answer was longer than ${limitBytes} bytes`)
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
