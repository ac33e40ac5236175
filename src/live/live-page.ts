/** A page that shows what goes on, and the events that feed it. Effects: network. */
import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { escapeHtml, page } from '../report/page.ts'
import { refuseRenamed } from './renamed.ts'

/** More watchers than this are turned away; each holds a connection. */
const MAX_WATCHERS = 16

export type LiveText = Readonly<{
  title: string
  /** HTML of the buttons, and the script behind them; `byId` and `say` are there for it. */
  controls: string
  script: string
  /** When what is shown has ended. */
  endWords: string
}>

export class LivePage {
  readonly #text: LiveText
  readonly #watchers = new Set<FastifyReply>()
  #last = ''

  constructor(text: LiveText) {
    this.#text = text
  }

  get isWatched(): boolean {
    return this.#watchers.size > 0
  }

  /** Adds the page at `/` and its events at `/events`. */
  addTo(server: FastifyInstance): void {
    const nonce = randomBytes(12).toString('base64')
    server.get('/', { onRequest: refuseRenamed }, async (_request, reply) => {
      void reply
        .type('text/html; charset=utf-8')
        .header('cache-control', 'no-store')
        .header(
          'content-security-policy',
          `default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-${nonce}'; connect-src 'self'; frame-ancestors 'none'`,
        )
      return htmlOf(this.#text, nonce)
    })
    server.get('/events', { onRequest: refuseRenamed }, (_request, reply) => {
      if (this.#watchers.size >= MAX_WATCHERS) {
        return reply.code(503).header('connection', 'close').send('too many watchers')
      }
      reply.hijack()
      reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      // At once, so that the browser knows it is heard.
      reply.raw.write(this.#last === '' ? ':\n\n' : `data: ${this.#last}\n\n`)
      this.#watchers.add(reply)
      reply.raw.on('close', () => this.#watchers.delete(reply))
      return reply
    })
  }

  /**
   * @param line plain text above the pictures
   * @param pictures HTML
   */
  show(line: string, pictures: string): void {
    this.#last = JSON.stringify({ line: escapeHtml(line), pictures })
    for (const { raw } of this.#watchers) {
      // One that does not read gets the next picture instead: nothing piles up here.
      if (!raw.writableNeedDrain) raw.write(`data: ${this.#last}\n\n`)
    }
  }

  /** Says to all who watch that it is over. */
  end(): void {
    for (const { raw } of this.#watchers) raw.end('event: end\ndata: {}\n\n')
    this.#watchers.clear()
  }
}

function htmlOf({ title, controls, script, endWords }: LiveText, nonce: string): string {
  const body = `<h1>${escapeHtml(title)}</h1>
<p id="line">waiting for the first second …</p>
<noscript><p>The pictures need JavaScript; the figures are at /metrics, too.</p></noscript>
${controls}
<p id="said" role="status"></p>
<div id="pictures" class="plot-grid"></div>
<script nonce="${nonce}">
const byId = (id) => document.getElementById(id)
const say = (text) => { byId('said').textContent = text }
const source = new EventSource('events')
let isLost = false
source.onopen = () => { if (isLost) say(''); isLost = false }
source.onerror = () => { isLost = true; say('No connection: trying again.') }
source.onmessage = ({ data }) => {
  const { line, pictures } = JSON.parse(data)
  byId('line').innerHTML = line
  byId('pictures').innerHTML = pictures
}
source.addEventListener('end', () => {
  source.close()
  say('${endWords}')
  for (const button of document.querySelectorAll('button')) button.disabled = true
})
${script}
</script>`
  // The response's own header says what may run; the page's would forbid its script.
  return page(title, body).replace(/<meta http-equiv[^>]*>\n/, '')
}
