/** When the first and the last byte of each request were read. Effects: listens on sockets. */
import type { FastifyInstance } from 'fastify'
import type { RawSocket } from './http-answer.ts'

export type Arrival = {
  /** First byte of the head; 0 between requests. */
  headUs: number
  /** The read that came last. */
  lastReadUs: number
}

const arrivals = new WeakMap<RawSocket, Arrival>()

/** Stamps each read before the HTTP parser sees it. */
export function stampArrivals(server: FastifyInstance['server'], nowUs: () => number): void {
  server.on('connection', (socket: RawSocket) => {
    const arrival: Arrival = { headUs: 0, lastReadUs: 0 }
    arrivals.set(socket, arrival)
    socket.prependListener('data', () => {
      arrival.lastReadUs = nowUs()
      if (arrival.headUs === 0) arrival.headUs = arrival.lastReadUs
    })
  })
}

/** @returns the stamps of the request that is on this socket now */
export function arrivalOf(socket: RawSocket): Arrival {
  return arrivals.get(socket) ?? { headUs: 0, lastReadUs: 0 }
}
