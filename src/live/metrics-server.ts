/** A small server that says a running replay's figures to Prometheus. Effects: network. */
import fastify, { type FastifyInstance } from 'fastify'
import type { HostPort } from '../base/parse.ts'
import { listenFailure } from '../base/socket.ts'
import { METRICS_TYPE } from './replay-metrics.ts'

/** @throws TraceError PORT_IN_USE; @returns closes it */
export async function serveMetrics(
  { host, port }: HostPort,
  render: () => string,
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

export function addMetrics(server: FastifyInstance, render: () => string): void {
  server.get('/metrics', (_request, reply) => reply.type(METRICS_TYPE).send(render()))
}
