/** The routes beside generation: models, tokenize, health, metrics and their like. Effects: socket. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Body, missing, parseBody } from './body.ts'
import { readEnding, readTurns } from './conversation.ts'
import { Fields } from './fields.ts'
import { countMessagesTokens } from './read-call-others.ts'
import { checkModel } from './read-call.ts'
import { Refusal, invalidFields } from './refusal.ts'
import { type Service, sendPlain, sendRefusal } from './service.ts'
import { ENGINE_VERSION } from './settings.ts'
import { decode, encode, encodeChat, shownToken } from './tokenizer.ts'

const TEXT_TYPE = 'text/plain; version=1.0.0; charset=utf-8'

export function addPlainRoutes(app: FastifyInstance, service: Service): void {
  const { core, metrics } = service
  const empty = (request: FastifyRequest, reply: FastifyReply) =>
    sendPlain(service, request, reply, '', { contentType: null })
  app.get('/health', empty)
  app.get('/ping', empty)
  app.post('/ping', empty)
  app.get('/version', (request, reply) =>
    sendPlain(service, request, reply, JSON.stringify({ version: ENGINE_VERSION })),
  )
  app.get('/v1/models', (request, reply) => sendPlain(service, request, reply, modelsBody(service)))
  app.get('/load', (request, reply) =>
    sendPlain(service, request, reply, JSON.stringify({ server_load: 0 })),
  )
  app.get('/metrics', (request, reply) =>
    sendPlain(service, request, reply, metrics.render(core.scheduler, core.queuedCount), {
      contentType: TEXT_TYPE,
    }),
  )
  const json = (path: string, answer: (body: Body) => unknown) =>
    app.post(path, (request, reply) => {
      try {
        const text = typeof request.body === 'string' ? request.body : ''
        const body = parseBody(text, request.headers['content-type'] ?? '')
        sendPlain(service, request, reply, JSON.stringify(answer(body)))
      } catch (error) {
        sendRefusal(service, request, reply, error, path.startsWith('/v1/messages'))
      }
    })
  json('/tokenize', (body) => tokenizeBody(body, service))
  json('/detokenize', (body) => detokenizeBody(body, service))
  json('/v1/messages/count_tokens', (body) => {
    const count = countMessagesTokens(body)
    return { input_tokens: count, context_management: { original_input_tokens: count } }
  })
  // Answers are not kept for later.
  app.get<{ Params: { id: string } }>('/v1/responses/:id', (request, reply) => {
    const message = `Response with id '${request.params.id}' not found.`
    const refusal = new Refusal(404, 'invalid_request_error', message, 'response_id')
    sendRefusal(service, request, reply, refusal, false)
  })
  json('/v1/chat/completions/render', () => {
    throw new Refusal(
      403,
      'PermissionDeniedError',
      'Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them.',
    )
  })
}

function modelsBody(service: Service): string {
  const { settings, clock } = service
  const created = Math.floor(clock.wallUs() / 1_000_000)
  const { modelName, profile } = settings
  return JSON.stringify({
    object: 'list',
    data: [
      {
        id: modelName,
        object: 'model',
        created,
        owned_by: 'vllm',
        root: modelName,
        parent: null,
        max_model_len: profile.maxModelTokens,
        permission: [
          {
            id: `modelperm-${service.nextId()}`,
            object: 'model_permission',
            created,
            allow_create_engine: false,
            allow_sampling: true,
            allow_logprobs: true,
            allow_search_indices: false,
            allow_view: true,
            allow_fine_tuning: false,
            organization: '*',
            group: null,
            is_blocking: false,
          },
        ],
      },
    ],
  })
}

function tokenizeBody(body: Body, { settings }: Service) {
  const fields = new Fields(body)
  if (!fields.has('prompt') && !fields.has('messages')) {
    throw invalidFields([missing('body.prompt', body), missing('body.messages', body)])
  }
  const model = fields.text('model')
  const prompt = fields.text('prompt')
  const messages = fields.list('messages')
  const ending = readEnding(fields)
  const hasStrings = fields.flag('return_token_strs')
  fields.finish()
  checkModel(model, settings)
  const tokens = messages === null ? encode(prompt ?? '') : encodeChat(readTurns(messages), ending)
  return {
    count: tokens.length,
    max_model_len: settings.profile.maxModelTokens,
    tokens,
    token_strs: hasStrings ? tokens.map(shownToken) : null,
  }
}

function detokenizeBody(body: Body, { settings }: Service) {
  const fields = new Fields(body)
  fields.require('tokens')
  const model = fields.text('model')
  const tokens = fields.list('tokens')
  fields.finish()
  checkModel(model, settings)
  return { prompt: decode((tokens ?? []).map(Number)) }
}
