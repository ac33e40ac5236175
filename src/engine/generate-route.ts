/** The routes that make tokens: a call goes in, a stream or a whole answer comes out. Effects: socket. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { arrivalOf } from './arrivals.ts'
import { parseBody } from './body.ts'
import type { Call, Dialect } from './call.ts'
import { takeDelta } from './choice.ts'
import type { LoggedRequest } from './engine-log.ts'
import {
  type Generation,
  cancelGeneration,
  figuresOf,
  startGeneration,
  usageOf,
} from './generation.ts'
import { PLAIN_HEAD, sendWhole, writeHead } from './http-answer.ts'
import { readCompletionsCall } from './read-call.ts'
import { readChatCall } from './read-chat-call.ts'
import { readMessagesCall, readResponsesCall } from './read-call-others.ts'
import { queueFull } from './refusal.ts'
import { type Service, requestIdOf, sendRefusal } from './service.ts'
import { type StreamAnswer, advance, greet } from './stream-answer.ts'
import { chatWire } from './wire-chat.ts'
import { completionsWire } from './wire-completions.ts'
import { messagesWire } from './wire-messages.ts'
import { responsesWire } from './wire-responses.ts'
import type { Wire } from './wire.ts'

const READERS = {
  completions: readCompletionsCall,
  chat: readChatCall,
  responses: readResponsesCall,
  messages: readMessagesCall,
} as const

const WIRES = {
  completions: completionsWire,
  chat: chatWire,
  responses: responsesWire,
  messages: messagesWire,
} as const

const STREAM_HEAD = { ...PLAIN_HEAD, status: 200, contentType: 'text/event-stream; charset=utf-8' }

/** One request on its way through. */
type Job = {
  readonly service: Service
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly call: Call
  readonly wire: Wire
  readonly headerId: string | null
  readonly log: LoggedRequest
  /** When the whole request was read and understood, µs. */
  readonly arrivedUs: number
}

/** @returns the handler of one dialect */
export function generateRoute(service: Service, dialect: Dialect) {
  return (request: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack()
    const ids = requestIdOf(service, request)
    try {
      const call = readCall(service, dialect, request, ids)
      if (isQueueFull(service)) {
        service.metrics.rejected()
        throw queueFull()
      }
      start(service, request, reply, call, ids.headerId)
    } catch (error) {
      sendRefusal(service, request, reply, error, dialect === 'messages')
    }
  }
}

function readCall(
  service: Service,
  dialect: Dialect,
  request: FastifyRequest,
  ids: ReturnType<typeof requestIdOf>,
): Call {
  const rank = request.headers['x-data-parallel-rank']
  const text = typeof request.body === 'string' ? request.body : ''
  return READERS[dialect](parseBody(text, request.headers['content-type'] ?? ''), {
    settings: service.settings,
    createdSec: Math.floor(service.clock.wallUs() / 1_000_000),
    requestId: ids.bodyId,
    isRequestIdGiven: ids.isGiven,
    dataParallelRank: typeof rank === 'string' ? rank : undefined,
  })
}

function isQueueFull({ settings, core }: Service): boolean {
  return settings.maxQueuedRequests !== null && core.queuedCount >= settings.maxQueuedRequests
}

function start(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  call: Call,
  headerId: string | null,
): void {
  const { settings, fingerprint, clock } = service
  const wire = WIRES[call.dialect]({
    call,
    fingerprint,
    hasPromptTokensDetails: settings.hasPromptTokensDetails,
    partId: service.nextId(),
  })
  const arrival = arrivalOf(request.raw.socket)
  const log: LoggedRequest = {
    id: call.id,
    dialect: call.dialect,
    stream: call.isStream,
    receivedUs: arrival.headUs,
    readUs: arrival.lastReadUs,
    headersUs: 0,
    promptTokens: call.prompts.reduce((sum, { tokens }) => sum + tokens.length, 0),
    cachedTokens: 0,
    outputTokens: 0,
    scheduledUs: null,
    preemptions: 0,
    sentUs: [],
    tokens: [],
    endUs: 0,
    end: 'done',
  }
  const job: Job = { service, request, reply, call, wire, headerId, log, arrivedUs: clock.nowUs() }
  if (call.isStream) startStream(job)
  else startWhole(job)
}

function startStream(job: Job): void {
  const { service, request, reply, wire, log, headerId } = job
  writeHead(request.raw, reply.raw, { ...STREAM_HEAD, contentBytes: null, requestId: headerId })
  log.headersUs = service.clock.nowUs()
  const answer: StreamAnswer = {
    response: reply.raw,
    wire,
    hasFigures: service.settings.hasRequestFigures && job.call.hasUsage,
    nowUs: () => service.clock.nowUs(),
    onEvent: (atUs, tokenCount) => {
      log.sentUs.push(atUs)
      log.tokens.push(tokenCount)
    },
    onEnd: (end) => {
      service.streams.delete(answer)
      close(job, generation, end)
    },
    isKeptAlive: job.call.dialect === 'chat' || job.call.dialect === 'completions',
    isOpened: false,
    isEnded: false,
    isBlocked: false,
    lastWriteUs: log.headersUs,
  }
  greet(answer)
  service.streams.add(answer)
  const generation = begin(job, (choice) => advance(answer, generation, choice))
  reply.raw.once('close', () => {
    if (answer.isEnded) return
    answer.isEnded = true
    service.streams.delete(answer)
    close(job, generation, 'hangup')
  })
}

function startWhole(job: Job): void {
  const { service, request, reply, wire, log, headerId, call } = job
  let isOver = false
  const generation = begin(job, () => {
    if (generation.openCount > 0 || isOver) return
    isOver = true
    const answers = generation.choices.map((choice) =>
      takeDelta(choice, generation.totalTokenCount),
    )
    const figures = service.settings.hasRequestFigures ? figuresOf(generation) : null
    const body = wire.whole(answers, usageOf(generation), figures)
    log.headersUs = service.clock.nowUs()
    log.sentUs.push(log.headersUs)
    log.tokens.push(generation.totalTokenCount)
    sendWhole(request.raw, reply.raw, { ...PLAIN_HEAD, status: 200, requestId: headerId }, body)
    close(job, generation, 'done', Buffer.byteLength(body))
  })
  service.whole.set(generation, () => {
    isOver = true
    sendRefusal(service, request, reply, service.deadRefusal(), call.dialect === 'messages')
    close(job, generation, 'error')
  })
  reply.raw.once('close', () => {
    if (isOver) return
    isOver = true
    close(job, generation, 'hangup')
  })
}

function begin(
  { service, call, arrivedUs }: Job,
  onToken: (choice: Generation['choices'][number]) => void,
): Generation {
  const { core, metrics, settings } = service
  return startGeneration({
    call,
    core,
    metrics,
    settings,
    callIndex: service.nextCallIndex(),
    arrivedUs,
    onToken,
  })
}

/** Counts and logs the request, and takes out of the engine what is left of it. */
function close(
  { service, request, log }: Job,
  generation: Generation,
  end: LoggedRequest['end'],
  responseBytes = 0,
): void {
  const nowUs = service.clock.nowUs()
  const sequences = generation.tickets.flatMap(({ sequence }) => sequence ?? [])
  cancelGeneration(generation, service.core)
  service.whole.delete(generation)
  arrivalOf(request.raw.socket).headUs = 0
  service.answered(request, 200, responseBytes, nowUs - log.readUs)
  if (service.log === null) return
  log.endUs = nowUs
  log.end = end
  log.outputTokens = generation.totalTokenCount
  log.scheduledUs = sequences[0]?.scheduledUs ?? null
  log.cachedTokens = sequences.reduce((sum, { cachedCount }) => sum + cachedCount, 0)
  log.preemptions = sequences.reduce((sum, { preemptions }) => sum + preemptions, 0)
  service.log.add(log)
}
