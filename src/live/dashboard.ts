/**
 * A run as it goes, in a browser on this machine: the report's kind of pictures, pushed as server-sent
 * events, and a button that ends the run. Effects: network (loopback unless told otherwise).
 */
import { randomBytes } from 'node:crypto'
import fastify, { type FastifyInstance } from 'fastify'
import type { HostPort } from '../base/parse.ts'
import { listenFailure } from '../base/socket.ts'
import { progressLine } from '../replay/progress.ts'
import type { LiveHistory } from './live-history.ts'
import { LivePage, type LiveText } from './live-page.ts'
import { livePictures } from './live-pictures.ts'
import { addMetrics } from './metrics-server.ts'

export class Dashboard {
  readonly #history: LiveHistory
  readonly #token = randomBytes(16).toString('hex')
  readonly #page = new LivePage(textWith(this.#token))
  readonly #server: FastifyInstance
  readonly #stop: () => void

  /**
   * @param stop ends the run as Ctrl-C would: what was measured is kept
   * @param metrics what Prometheus reads
   */
  constructor(history: LiveHistory, stop: () => void, metrics: () => Promise<string>) {
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
    const { last, points } = this.#history
    if (!this.#page.isWatched || last === null) return
    this.#page.show(progressLine(last), livePictures(points))
  }

  async close(): Promise<void> {
    this.#page.end()
    await this.#server.close()
  }

  #routes(): FastifyInstance {
    const server = fastify({ bodyLimit: 1_024, forceCloseConnections: true })
    this.#page.addTo(server)
    server.post('/stop', async (request, reply) => {
      // A page of another site can post here, but cannot know the token.
      if (request.headers['x-token'] !== this.#token) return reply.code(403).send('no')
      this.#stop()
      return reply.send('stopping')
    })
    return server
  }
}

function textWith(token: string): LiveText {
  return {
    title: 'trace replay',
    controls: '<p><button id="stop" type="button">Stop the run, keep its result</button></p>',
    script: `byId('stop').onclick = async () => {
  byId('stop').disabled = true
  say('Stopping: what was measured is kept.')
  await fetch('stop', { method: 'POST', headers: { 'x-token': '${token}' } })
}`,
    endWords: 'The run is over.',
  }
}
