/** The ways in which vLLM says no, in its own words. Pure. */

/** Thrown where a request is turned down; becomes the answer. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  readonly type: string
  readonly param: string | null

  constructor(status: number, type: string, message: string, param: string | null = null) {
    super(message)
    this.status = status
    this.type = type
    this.param = param
  }

  /** The body of the answer; the messages dialect has its own shape, but not for wrong fields. */
  body(isMessages: boolean): string {
    const { message, type, param, status } = this
    if (isMessages && type !== 'Bad Request') {
      return JSON.stringify({ type: 'error', error: { type, message } })
    }
    return JSON.stringify({ error: { message, type, param, code: status } })
  }
}

/** A parameter that is well-formed and cannot be served. */
export function badRequest(message: string, param: string | null = null): Refusal {
  return new Refusal(400, 'BadRequestError', message, param)
}

export function badValue(message: string, param: string, value: string | number): Refusal {
  return badRequest(`${message} (parameter=${param}, value=${value})`, param)
}

export function unknownModel(asked: string, served: string): Refusal {
  const message = `The model \`${asked}\` does not exist. Valid aliases: ${served}.`
  return new Refusal(404, 'NotFoundError', message, 'model')
}

export function queueFull(): Refusal {
  const message =
    'The engine is currently busy and cannot accept new requests. ' +
    'Please try again later or on a different instance.'
  return new Refusal(503, 'Service Unavailable', message)
}

export const ENGINE_DEAD =
  'EngineCore encountered an issue. See stack trace (above) for the root cause.'

/** One field of a body that has the wrong form, as Python's validator words it. */
export type FieldError = Readonly<{
  type: string
  /** Dotted path, from `body`. */
  loc: string
  msg: string
  input: string
  ctx?: string
}>

export function invalidFields(errors: readonly FieldError[]): Refusal {
  const lines = errors.map(({ type, loc, msg, input, ctx }) => {
    const context = ctx === undefined ? '' : `, 'ctx': ${ctx}`
    return `  {'type': '${type}', 'loc': '${loc}', 'msg': ${quoted(msg)}, 'input': ${quoted(input)}${context}}`
  })
  const head = `${errors.length} validation error${errors.length === 1 ? '' : 's'}:`
  return new Refusal(400, 'Bad Request', [head, ...lines].join('\n'), errors[0]?.loc ?? null)
}

/** A string as Python's repr writes it. */
export function quoted(text: string): string {
  const isDouble = text.includes("'") && !text.includes('"')
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return isDouble ? `"${escaped}"` : `'${escaped.replaceAll("'", "\\'")}'`
}
