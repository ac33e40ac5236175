/** Answers with the very bytes of vLLM's HTTP server: order and case of headers included. Effects: socket. */
import type { FastifyReply, FastifyRequest } from 'fastify'

export type RawRequest = FastifyRequest['raw']
export type RawResponse = FastifyReply['raw']
export type RawSocket = RawRequest['socket']

export type Head = Readonly<{
  status: number
  contentType: string | null
  /** null for a stream, which is chunked. */
  contentBytes: number | null
  requestId: string | null
  /** For 405. */
  allow: string | null
  hasVary: boolean
}>

export const PLAIN_HEAD: Omit<Head, 'status' | 'contentBytes'> = {
  contentType: 'application/json',
  requestId: null,
  allow: null,
  hasVary: true,
}

/** Writes the head in one piece, and sends it where the body comes later. */
export function writeHead(request: RawRequest, response: RawResponse, head: Head): void {
  const { contentType, contentBytes, requestId, allow } = head
  const headers = ['date', new Date().toUTCString(), 'server', 'uvicorn']
  if (allow !== null) headers.push('allow', allow)
  if (contentBytes !== null) headers.push('content-length', String(contentBytes))
  if (contentType !== null) headers.push('content-type', contentType)
  if (head.hasVary) headers.push('vary', 'Origin')
  if (requestId !== null) headers.push('x-request-id', requestId)
  // Node would add its own connection header; vLLM's server sends one only where it closes.
  response.sendDate = false
  response.removeHeader('connection')
  if (isLast(request)) headers.push('connection', 'close')
  if (contentBytes === null) headers.push('transfer-encoding', 'chunked')
  response.writeHead(head.status, headers)
  if (contentBytes === null) response.flushHeaders()
}

export function sendWhole(
  request: RawRequest,
  response: RawResponse,
  head: Omit<Head, 'contentBytes'>,
  body: string,
): void {
  writeHead(request, response, { ...head, contentBytes: Buffer.byteLength(body) })
  response.end(body)
}

/** One event as one HTTP chunk. */
export function chunkOf(event: string): string {
  return `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`
}

/** Several events in one text, one by one. */
export function splitEvents(events: string): string[] {
  return events === '' ? [] : events.split(/(?<=\n\n)/)
}

function isLast({ headers, httpVersionMinor }: RawRequest): boolean {
  const wish = headers.connection?.toLowerCase() ?? ''
  return wish.includes('close') || (httpVersionMinor === 0 && !wish.includes('keep-alive'))
}
