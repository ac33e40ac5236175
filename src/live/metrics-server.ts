/** Says figures to Prometheus, on a server that there is or on a small one of its own. Effects: network. */
import fastify, { type FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import type { HostPort } from '../base/parse.ts'
import { listenFailure } from '../base/socket.ts'
import { refuseRenamedBrowser } from './renamed.ts'

/** @throws TraceError PORT_IN_USE; @returns closes it */
export async function serveMetrics(
  { host, port }: HostPort,
  render: () => Promise<string>,
): Promise<() => Promise<void>> {
  const server = fastify({ bodyLimit: 1_024, forceCloseConnections: true })
  addMetrics(server, render)
  try {
    await server.listen({ host, port })
  } catch (error) {
    throw listenFailure(`${host}:${port} (--metrics-listen)`, error)
  }
  return async () => server.close()
}

export function addMetrics(server: FastifyInstance, render: () => Promise<string>): void {
  server.get('/metrics', { onRequest: refuseRenamedBrowser }, async (_request, reply) =>
    reply.type(Registry.PROMETHEUS_CONTENT_TYPE).send(await render()),
  )
}
