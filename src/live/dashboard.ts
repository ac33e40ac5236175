/**
 * A run as it goes, in a browser on this machine: the report's kind of pictures, pushed as server-sent
 * events, and a button that ends the run. Effects: network (loopback unless told otherwise).
 */
import { randomBytes } from 'node:crypto'
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import type { HostPort } from '../base/parse.ts'
import { listenFailure } from '../base/socket.ts'
import { progressLine } from '../replay/progress.ts'
import { escapeHtml, page } from '../report/page.ts'
import type { LiveHistory } from './live-history.ts'
import { livePictures } from './live-pictures.ts'
import { addMetrics } from './metrics-server.ts'

/** More watchers than this are turned away; each holds a connection. */
const MAX_WATCHERS = 16

export class Dashboard {
  readonly #history: LiveHistory
  readonly #watchers = new Set<FastifyReply>()
  readonly #token = randomBytes(16).toString('hex')
  readonly #server: FastifyInstance
  readonly #stop: () => void
  #last = ''

  /**
   * @param stop ends the run as Ctrl-C would: what was measured is kept
   * @param metrics what Prometheus reads
   */
  constructor(history: LiveHistory, stop: () => void, metrics: () => string) {
    this.#history = history
    this.#stop = stop
    this.#server = this.#routes()
    addMetrics(this.#server, metrics)
  }

  get server(): FastifyInstance {
    return this.#server
  }

  /** @throws TraceError PORT_IN_USE or BAD_OPTION; @returns where it is */
  async listen({ host, port }: HostPort): Promise<string> {
    try {
      return await this.#server.listen({ host, port })
    } catch (error) {
      throw listenFailure(`${host}:${port} (--dashboard)`, error)
    }
  }

  /** Draws the latest of the history, and only while someone watches. */
  show(): void {
    const { last } = this.#history
    if (this.#watchers.size === 0 || last === null) return
    this.#last = JSON.stringify({
      line: escapeHtml(progressLine(last)),
      pictures: livePictures(this.#history.points),
    })
    for (const { raw } of this.#watchers) {
      // One that does not read gets the next picture instead: nothing piles up here.
      if (!raw.writableNeedDrain) raw.write(`data: ${this.#last}\n\n`)
    }
  }

  async close(): Promise<void> {
    for (const watcher of this.#watchers) {
      watcher.raw.end('event: end\ndata: {}\n\n')
    }
    this.#watchers.clear()
    await this.#server.close()
  }

  #routes(): FastifyInstance {
    const server = fastify({ bodyLimit: 1_024, forceCloseConnections: true })
    const nonce = randomBytes(12).toString('base64')
    server.get('/', async (_request, reply) => {
      void reply
        .type('text/html; charset=utf-8')
        .header('cache-control', 'no-store')
        .header(
          'content-security-policy',
          `default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-${nonce}'; connect-src 'self'`,
        )
      return livePage(this.#token, nonce)
    })
    server.get('/events', (_request, reply) => {
      if (this.#watchers.size >= MAX_WATCHERS) return reply.code(503).send('too many watchers')
      reply.hijack()
      reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      if (this.#last !== '') reply.raw.write(`data: ${this.#last}\n\n`)
      this.#watchers.add(reply)
      reply.raw.on('close', () => this.#watchers.delete(reply))
      return reply
    })
    server.post('/stop', async (request, reply) => {
      // A page of another site can post here, but cannot know the token.
      if (request.headers['x-token'] !== this.#token) return reply.code(403).send('no')
      this.#stop()
      return reply.send('stopping')
    })
    return server
  }
}

function livePage(token: string, nonce: string): string {
  const body = `<h1>trace replay</h1>
<p id="line">waiting for the first second …</p>
<p><button id="stop" type="button">Stop the run, keep its result</button></p>
<p id="said" role="status"></p>
<div id="pictures" class="plot-grid"></div>
<script nonce="${nonce}">
const byId = (id) => document.getElementById(id)
const source = new EventSource('/events')
source.onmessage = ({ data }) => {
  const { line, pictures } = JSON.parse(data)
  byId('line').innerHTML = line
  byId('pictures').innerHTML = pictures
}
source.addEventListener('end', () => {
  source.close()
  byId('said').textContent = 'The run is over.'
  byId('stop').disabled = true
})
byId('stop').onclick = async () => {
  byId('stop').disabled = true
  byId('said').textContent = 'Stopping: what was measured is kept.'
  await fetch('/stop', { method: 'POST', headers: { 'x-token': '${token}' } })
}
</script>`
  // The response's own header says what may run; the page's would forbid its script.
  return page('trace replay, live', body).replace(/<meta http-equiv[^>]*>\n/, '')
}
