/** A simulated vLLM server. Effects: listens on a port; sleeps. */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { type Clock, pause } from '../base/clock.ts'
import type { HostPort } from '../base/parse.ts'
import { listenFailure } from '../base/socket.ts'
import { stampArrivals } from './arrivals.ts'
import { EngineCore, type Wait } from './core.ts'
import { type EngineLog, openEngineLog } from './engine-log.ts'
import { generateRoute } from './generate-route.ts'
import { EngineMetrics } from './metrics.ts'
import { addPlainRoutes } from './plain-routes.ts'
import { ENGINE_DEAD } from './refusal.ts'
import { type Service, createService, sendPlain } from './service.ts'
import type { EngineSettings } from './settings.ts'
import { breakOff, keepAlive } from './stream-answer.ts'
import { vocabulary } from './vocabulary.ts'
import { DONE_EVENT } from './wire.ts'

/** vLLM's server closes a connection that is idle for so long. */
const IDLE_CONNECTION_MS = 5_000
const BODY_LIMIT_BYTES = 256_000_000

/** A stream's silence is looked at this often. */
const KEEP_ALIVE_CHECK_US = 100_000

/** Python writes spaces in this one event. */
const DEAD_EVENT = `data: {"error": {"message": "${ENGINE_DEAD}", "type": "InternalServerError", "param": null, "code": 500}}\n\n`

export type EngineOptions = Readonly<{
  settings: EngineSettings
  listen: HostPort
  logPath: string | null
}>

export type Engine = Readonly<{
  /** Where it listens; the port is the real one where 0 was asked for. */
  url: string
  /** Ends as vLLM does on SIGTERM: open streams get an error event and their end. */
  close(): Promise<void>
}>

/** @throws TraceError PORT_IN_USE, or BAD_OPTION where the address is not this machine's */
export async function startEngine(options: EngineOptions, clock: Clock): Promise<Engine> {
  const { settings, listen, logPath } = options
  vocabulary()
  const metrics = new EngineMetrics(settings, clock.wallUs() / 1_000_000)
  const core = new EngineCore(settings, clock, waiterOn(clock), metrics)
  const log = logPath === null ? null : await openEngineLog(logPath)
  const service = createService({ settings, clock, core, metrics, log })
  const app = createApp(service)
  let url: string
  try {
    url = await app.listen({ host: listen.host, port: listen.port })
  } catch (error) {
    await app.close()
    await log?.abandon()
    throw listenFailure(`${hostText(listen.host)}:${listen.port}`, error)
  }
  const ending = new AbortController()
  const running = core.run()
  const keptAlive = keepStreamsAlive(service, clock, ending.signal)
  return {
    url,
    async close() {
      ending.abort()
      core.close()
      await running
      await keptAlive
      await closeApp(app, service, log)
    },
  }
}

function createApp(service: Service): FastifyInstance {
  const app = Fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    keepAliveTimeout: IDLE_CONNECTION_MS,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // Paths are matched as they are; /metrics/ is what Python's mount answers.
    routerOptions: { ignoreTrailingSlash: true },
  })
  app.server.keepAliveTimeoutBuffer = 0
  stampArrivals(app.server, () => service.clock.nowUs())
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  if (service.settings.apiKeys.length > 0) addKeyCheck(app, service)
  app.post('/v1/completions', generateRoute(service, 'completions'))
  app.post('/v1/chat/completions', generateRoute(service, 'chat'))
  app.post('/v1/responses', generateRoute(service, 'responses'))
  app.post('/v1/messages', generateRoute(service, 'messages'))
  addPlainRoutes(app, service)
  app.setNotFoundHandler((request, reply) => sendNotFound(app, service, request, reply))
  return app
}

/** Keys guard the routes below /v1 only. */
function addKeyCheck(app: FastifyInstance, service: Service): void {
  const wanted = new Set(service.settings.apiKeys.map((key) => `Bearer ${key}`))
  app.addHook('onRequest', async (request, reply) => {
    if (!request.url.startsWith('/v1') || wanted.has(request.headers.authorization ?? '')) return
    sendPlain(service, request, reply, '{"error":"Unauthorized"}', { status: 401, hasVary: false })
  })
}

const METHODS = ['GET', 'POST'] as const

function sendNotFound(
  app: FastifyInstance,
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const url = request.url.split('?')[0] ?? ''
  const allowed = METHODS.filter((method) => app.hasRoute({ method, url }))
  if (allowed.length === 0) {
    sendPlain(service, request, reply, '{"detail":"Not Found"}', { status: 404 })
    return
  }
  const head = { status: 405, allow: allowed.join(', ') }
  sendPlain(service, request, reply, '{"detail":"Method Not Allowed"}', head)
}

/** Timers to the millisecond: a token may be that late, and none is early. */
function waiterOn(clock: Clock): Wait {
  return async (dueUs, signal) => {
    try {
      for (let leftUs = dueUs - clock.nowUs(); leftUs > 0; leftUs = dueUs - clock.nowUs()) {
        await pause(leftUs, signal)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}

async function keepStreamsAlive(service: Service, clock: Clock, signal: AbortSignal) {
  const { keepAliveUs } = service.settings
  if (keepAliveUs === null) return
  const wait = waiterOn(clock)
  while (!signal.aborted) {
    await wait(clock.nowUs() + KEEP_ALIVE_CHECK_US, signal)
    for (const answer of service.streams) keepAlive(answer, keepAliveUs)
  }
}

async function closeApp(
  app: FastifyInstance,
  service: Service,
  log: EngineLog | null,
): Promise<void> {
  for (const answer of service.streams) breakOff(answer, DEAD_EVENT + DONE_EVENT)
  for (const fail of service.whole.values()) fail()
  await app.close()
  await log?.close()
}

function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
