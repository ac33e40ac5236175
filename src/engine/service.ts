/** What all routes share: the engine, its numbers, and the way in which they answer. Effects: socket. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../base/clock.ts'
import { arrivalOf } from './arrivals.ts'
import type { EngineCore } from './core.ts'
import type { EngineLog } from './engine-log.ts'
import type { Generation } from './generation.ts'
import { hashStep, hashText } from './hash.ts'
import { PLAIN_HEAD, sendWhole } from './http-answer.ts'
import type { EngineMetrics } from './metrics.ts'
import { ENGINE_DEAD, Refusal } from './refusal.ts'
import { type EngineSettings, fingerprintOf } from './settings.ts'
import type { StreamAnswer } from './stream-answer.ts'

/** Routes that vLLM leaves out of its HTTP counters. */
const UNCOUNTED_HANDLERS = new Set(['/metrics', '/health', '/load', '/ping', '/version'])

export type Service = Readonly<{
  settings: EngineSettings
  clock: Clock
  core: EngineCore
  metrics: EngineMetrics
  log: EngineLog | null
  fingerprint: string
  /** Streams that are open. */
  streams: Set<StreamAnswer>
  /** Answers that are not streamed and not made yet, and how to break them off. */
  whole: Map<Generation, () => void>
  /** 16 hex digits, never the same twice in one run, the same in each run with one seed. */
  nextId(): string
  nextCallIndex(): number
  answered(request: FastifyRequest, status: number, responseBytes: number, tookUs: number): void
  deadRefusal(): Refusal
}>

export type ServiceParts = Readonly<{
  settings: EngineSettings
  clock: Clock
  core: EngineCore
  metrics: EngineMetrics
  log: EngineLog | null
}>

export function createService(parts: ServiceParts): Service {
  const { settings, metrics } = parts
  const idKey = hashText(`ids ${settings.seed}`)
  let idCount = 0
  let callCount = 0
  return {
    ...parts,
    fingerprint: fingerprintOf(settings, hashText),
    streams: new Set(),
    whole: new Map(),
    nextId() {
      idCount += 1
      const high = hashStep(idKey, idCount) % 0x1_0000_0000
      const low = hashStep(hashStep(idKey, idCount), 1) % 0x1_0000_0000
      return hex(high) + hex(low)
    },
    nextCallIndex() {
      callCount += 1
      return callCount
    },
    answered(request, status, responseBytes, tookUs) {
      const handler = request.is404 ? 'none' : (request.routeOptions.url ?? 'none')
      if (UNCOUNTED_HANDLERS.has(handler)) return
      metrics.answered({
        handler,
        method: request.method,
        status,
        requestBytes: Number(request.headers['content-length'] ?? 0),
        responseBytes,
        tookUs,
      })
    },
    deadRefusal: () => new Refusal(500, 'InternalServerError', ENGINE_DEAD),
  }
}

/** Ids of a request: in the body of the answer, and in its header where that is switched on. */
export function requestIdOf(service: Service, request: FastifyRequest) {
  const given = request.headers['x-request-id']
  const isGiven = typeof given === 'string' && given !== ''
  const bodyId = isGiven ? given : service.nextId()
  const madeId = () => service.nextId() + service.nextId()
  const headerId = service.settings.hasRequestIdHeaders ? (isGiven ? given : madeId()) : null
  return { isGiven, bodyId, headerId }
}

/** Answers that are not made of tokens. */
export function sendPlain(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  body: string,
  head: Partial<Parameters<typeof sendWhole>[2]> = {},
): void {
  reply.hijack()
  const { headerId } = requestIdOf(service, request)
  const full = { ...PLAIN_HEAD, status: 200, requestId: headerId, ...head }
  const arrival = arrivalOf(request.raw.socket)
  arrival.headUs = 0
  sendWhole(request.raw, reply.raw, full, body)
  const tookUs = service.clock.nowUs() - arrival.lastReadUs
  service.answered(request, full.status, Buffer.byteLength(body), tookUs)
}

/** Turns a `Refusal` into its answer; anything else is a bug and goes on. */
export function sendRefusal(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
  isMessages: boolean,
): void {
  if (!(error instanceof Refusal)) throw error
  sendPlain(service, request, reply, error.body(isMessages), { status: error.status })
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}
