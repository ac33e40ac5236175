/** A recorder's own small server: is it well, what does it count, and its few switches. Effects: network. */
import fastify, { type FastifyInstance } from 'fastify'
import { pause } from '../base/clock.ts'
import { hostPortText } from '../base/parse.ts'
import { listenFailure } from '../base/socket.ts'
import type { World } from '../base/world.ts'
import type { RecordCompanion, RecordControl } from '../record/control.ts'
import { adminMetrics } from './admin-metrics.ts'
import type { AdminOptions } from './admin-options.ts'
import { isToken, tokenFrom } from './admin-token.ts'
import { addMetrics } from './metrics-server.ts'
import { RecordView } from './record-view.ts'
import { refuseRenamedBrowser } from './renamed.ts'

const MAX_BODY_BYTES = 4_096
const MAX_MARK_LENGTH = 500
/** Beyond so many connections only health and metrics are answered; beyond the second none is taken. */
export const MAX_ADMIN_CONNECTIONS = 256
const MOST_CONNECTIONS = 4_096
const NEEDED: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics'])
/** Between tries, while the recorder that is about to end still has the port. */
const RETRY_US = 500_000

/** @param waitsForPort a recorder that is taken over from has the port a while longer */
export function adminCompanion(
  options: AdminOptions,
  waitsForPort: boolean,
  world: World,
): RecordCompanion {
  return async (control) => {
    const { listen } = options
    if (listen === null) return { close: async () => undefined }
    const token = await tokenFrom(options.tokenPath)
    const view = new RecordView(control)
    const server = adminServer(control, token)
    view.page.addTo(server)
    const closing = new AbortController()
    const open = async (): Promise<void> => {
      await server.listen({ ...listen, backlog: MOST_CONNECTIONS })
      world.stderr.write(`admin at http://${hostPortText(listen)}\n`)
    }
    try {
      await open()
    } catch (error) {
      const failure = listenFailure(`${listen.host}:${listen.port} (--admin-listen)`, error)
      if (!waitsForPort || failure.code !== 'PORT_IN_USE') throw failure
      void openLater(open, closing.signal)
    }
    // Pictures are not worth a recorder.
    void view.run(closing.signal).catch(() => undefined)
    return {
      async close() {
        closing.abort()
        view.end()
        await server.close()
      },
    }
  }
}

async function openLater(open: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(RETRY_US, signal).catch(() => undefined)
    try {
      return await open()
    } catch {
      // The other recorder is still there.
    }
  }
}

/** @param token null where none could be made: then nothing can be switched */
export function adminServer(control: RecordControl, token: string | null): FastifyInstance {
  const server = fastify({ bodyLimit: MAX_BODY_BYTES, forceCloseConnections: true })
  limitConnections(server)
  const open = { onRequest: refuseRenamedBrowser }
  server.get('/healthz', open, () => {
    const { degraded, upstreamProblem } = control.status()
    const state = degraded === null ? 'ok' : 'degraded'
    return { status: state, degraded, upstream: upstreamProblem, paused: control.isPaused }
  })
  server.get('/readyz', open, async (_request, reply) => {
    if (control.isDraining) void reply.code(503)
    return { ready: !control.isDraining }
  })
  addMetrics(server, () => adminMetrics(control))
  server.setErrorHandler(async (_error, _request, reply) => {
    void reply.code(400)
    return { error: 'not understood' }
  })
  addSwitches(server, control, token)
  return server
}

/** Who looks on takes nothing from those who must know. */
function limitConnections(server: FastifyInstance): void {
  let connections = 0
  server.server.maxConnections = MOST_CONNECTIONS
  server.server.on('connection', (socket) => {
    connections += 1
    socket.once('close', () => (connections -= 1))
  })
  server.addHook('onRequest', async ({ url }, reply) => {
    if (connections <= MAX_ADMIN_CONNECTIONS || NEEDED.has(url)) return
    await reply.code(503).header('connection', 'close').send({ error: 'too many connections' })
  })
}

function addSwitches(server: FastifyInstance, control: RecordControl, token: string | null): void {
  void server.register(async (switches) => {
    switches.addHook('onRequest', async (request, reply) => {
      if (token !== null && isToken(request.headers.authorization, token)) return
      await reply.code(401).send({ error: 'a token is needed' })
    })
    switches.post('/pause', async () => {
      control.setPaused(true)
      return { paused: true }
    })
    switches.post('/resume', async () => {
      control.setPaused(false)
      return { paused: false }
    })
    switches.post('/rotate', async () => {
      control.rotate()
      return { rotating: true }
    })
    switches.post('/mark', async (request, reply) => {
      const text = (request.body as { text?: unknown } | null)?.text
      if (typeof text !== 'string' || text === '' || text.length > MAX_MARK_LENGTH) {
        void reply.code(400)
        return { error: `text wants 1 to ${MAX_MARK_LENGTH} characters` }
      }
      control.mark(text)
      return { marked: true }
    })
  })
}
