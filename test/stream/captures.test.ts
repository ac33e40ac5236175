/** Every answer of a real vLLM, read byte by byte and in one piece, against a plain count of it. */
import { expect, test } from 'vitest'
import { AnswerReader } from '../../src/stream/answer-reader.ts'
import { interpret } from '../../src/stream/interpret.ts'
import type { Observation } from '../../src/stream/observation.ts'
import { describeRequest, endpointOf } from '../../src/stream/request-facts.ts'
import { countPlainly, hasCaptures, readCaptures, type WireCapture } from '../support/captures.ts'

function read({ answer, path }: WireCapture, step: number) {
  const reader = new AnswerReader()
  for (let at = 0; at < answer.length; at += step) {
    reader.push(answer, at, Math.min(at + step, answer.length), at)
  }
  const capture = reader.capture ?? reader.end('hangup', answer.length)
  if (capture === null) throw new Error('no answer')
  const endpoint = endpointOf('POST', path) ?? 'other'
  const seen = interpret(capture, { endpoint, isStream: true, keepAnswer: true })
  return { capture, seen, reader, endpoint }
}

const captures = readCaptures()

test.skipIf(!hasCaptures).each(captures)('$name is what it says', (wire) => {
  const plain = countPlainly(wire.answer)
  const { seen, reader, capture } = read(wire, 65_536)
  expect(seen.status).toBe(plain.status)
  expect(capture.isEvents).toBe(plain.isStream)
  expect(seen.chunkAtUs.length).toBe(plain.events)
  expect(reader.eventCount).toBe(plain.events)
  expect(seen.outcome).toBe(
    plain.status >= 400
      ? 'http_error'
      : plain.hasError
        ? 'stream_error'
        : wire.name === 'abort-mid-stream'
          ? 'client_abort'
          : 'ok',
  )
})

const answered = captures.filter(
  ({ path, answer }) => endpointOf('POST', path) !== null && countPlainly(answer).status === 200,
)

test.skipIf(!hasCaptures).each(answered)(
  '$name has the tokens that a plain count finds',
  (wire) => {
    const plain = countPlainly(wire.answer)
    const { seen } = read(wire, 65_536)
    expect(seen).toMatchObject({
      promptTokens: plain.usage?.prompt ?? null,
      cachedTokens: plain.usage?.cached ?? null,
      outputTokens: plain.usage?.output ?? plain.events,
      tokenSource: plain.usage === null ? 'stream' : 'server',
      model: 'tiny',
      serverQueueUs: plain.queueMs === undefined ? null : Math.round(plain.queueMs * 1_000),
    })
    expect([plain.finish ?? seen.finishReason]).toEqual([seen.finishReason])
    const kinds = (kind: number) => seen.chunkKinds.filter((found) => found === kind).length
    expect(kinds(2)).toBeGreaterThanOrEqual(plain.tools)
    expect(kinds(1)).toBeGreaterThanOrEqual(plain.reasoning)
  },
)

const listed = answered.filter(({ answer }) => {
  const counts = countPlainly(answer).listed
  return counts.length > 0 && counts.every((count) => count !== null)
})

test.skipIf(!hasCaptures).each(listed)('$name has exact tokens for each event', (wire) => {
  const { seen } = read(wire, 65_536)
  expect([...seen.chunkTokens]).toEqual(countPlainly(wire.answer).listed)
  expect(seen.chunkTokensExact).toBe(true)
  expect(seen.chunkTokens.reduce((sum, tokens) => sum + tokens, 0)).toBe(seen.outputTokens)
})

/** Times depend on when bytes come, of course. */
const withoutTimes = (seen: Observation) => ({
  ...seen,
  headersAtUs: 0,
  firstTokenAtUs: 0,
  firstContentAtUs: 0,
  lastTokenAtUs: 0,
  endAtUs: 0,
  chunkAtUs: seen.chunkAtUs.length,
})

test.skipIf(!hasCaptures).each(captures)('$name reads the same one byte at a time', (wire) => {
  expect(withoutTimes(read(wire, 1).seen)).toEqual(withoutTimes(read(wire, 65_536).seen))
})

test.skipIf(!hasCaptures)('the same stream cut anywhere never throws and never grows', () => {
  const wire = captures.find(({ name }) => name === 'tool-auto-stream')
  if (wire === undefined) throw new Error('capture is gone')
  const whole = read(wire, 65_536).seen
  for (let length = 0; length < wire.answer.length; length += 37) {
    const reader = new AnswerReader()
    reader.push(wire.answer, 0, length, 1)
    const capture = reader.end('reset', 2)
    if (capture === null) continue
    const seen = interpret(capture, { endpoint: 'chat', isStream: true, keepAnswer: true })
    expect(seen.chunkAtUs.length).toBeLessThanOrEqual(whole.chunkAtUs.length)
    expect(seen.outcome).toBe('upstream_reset')
  }
})

test.skipIf(!hasCaptures)('every request that was captured is described without its text', () => {
  for (const { request, path, name } of captures) {
    const endpoint = endpointOf(request.toString('latin1').split(' ')[0] ?? '', path)
    if (endpoint === null) continue
    const text = request.toString()
    const body = text.slice(text.indexOf('\r\n\r\n') + 4)
    const { json, ...facts } = describeRequest(endpoint, Buffer.from(body), false)
    if (json === null) continue
    expect([name, facts.isStream]).toEqual([name, json['stream'] === true])
    const { model: _model, ...numbers } = facts
    expect(JSON.stringify(numbers)).not.toMatch(/hello|weather|Oslo/i)
  }
})
