/**
 * Who asks under a name that is not ours. A site whose name is made to mean this machine (DNS rebinding)
 * would read an answer as its own: over loopback, a browser is answered only under addresses and names
 * that mean loopback for all. Effects: answers the request that it refuses.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Of pages and what feeds them: only browsers ask for those. */
export async function refuseRenamed(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const isLoopback = /^(?:::ffff:)?127\.|^::1$/.test(request.socket.remoteAddress ?? '')
  // No name of a site ends in digits or stands in brackets.
  if (!isLoopback || /^(?:[\d.]+|\[.*\]|(?:.+\.)?localhost)$/i.test(request.hostname)) return
  await reply.code(421).send('ask for this page as 127.0.0.1 or localhost')
}

/**
 * Of health and metrics, which scrapers and probes may ask for under any name. Every browser says which
 * languages it reads, and no script in it can leave that out; scrapers and probes read none.
 */
export async function refuseRenamedBrowser(
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (request.headers['accept-language'] !== undefined) await refuseRenamed(request, reply)
}
