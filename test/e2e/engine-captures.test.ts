/** The simulated server against the bytes that a real vLLM 0.32 sent for the same requests. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { type Engine, startEngine } from '../../src/engine/engine.ts'
import {
  ENGINE_DEFAULTS,
  type RawEngineOptions,
  parseEngineOptions,
} from '../../src/engine/options.ts'
import { exchangeBytes } from '../support/raw-http.ts'

const FOLDER = '../shared/vllm/captures'
const isHere = existsSync(FOLDER)

/** What these need is not simulated, or depends on the words of the answer. */
const LEFT_OUT =
  /^(tool-|json-|reasoning|thinking-|render-c|generate-|traceparent|load-on|engine-dies|sigterm-|abort-|metrics-|completion-(stop|eos|choice)|queued-|error-queue-full|per-request-metrics-chat|error-prompt-too-long)/

const KEYED = /^(key-|request-id-|per-request-metrics|cached-|priority-accepted)/
const FORCED = /^(force-usage|server-stream-interval)/

const names = isHere
  ? readdirSync(FOLDER)
      .filter((name) => name.endsWith('.request.http'))
      .map((name) => name.replace('.request.http', ''))
      .filter((name) => !LEFT_OUT.test(name))
      // 'cached-tokens-first' comes before '-again': the second finds the first in the cache.
      .toSorted((a, b) => Number(a.endsWith('-again')) - Number(b.endsWith('-again')))
  : []

/** Replaces what differs from run to run and from vocabulary to vocabulary. */
function mask(answer: string): string {
  return answer
    .replaceAll(/\r\n[0-9a-f]+\r\n(?=data|event|\r\n|: )/g, '\n<chunk>\n')
    .replace(/^date: .*$/m, 'date: <date>')
    .replace(/^content-length: [1-9]\d*/m, 'content-length: <n>')
    .replace(/^x-request-id: [0-9a-f]{32}/m, 'x-request-id: <id>')
    .replaceAll(/"id":"(cmpl-|chatcmpl-|resp_|msg_|modelperm-)[0-9a-f]{16}"/g, '"id":"$1<id>"')
    .replaceAll(/"item_id":"msg_[0-9a-f]{16}"/g, '"item_id":"<id>"')
    .replaceAll(/"(created|created_at)":\d+/g, '"$1":<t>')
    .replaceAll(/vllm-0\.32\.0-[0-9a-f]{8}/g, '<build>')
    .replaceAll(/"(content|text|delta|prompt|root)":"(?:[^"\\]|\\.)*"/g, '"$1":"<text>"')
    .replaceAll(
      /"(prompt_tokens|total_tokens|input_tokens|original_input_tokens|count)":\d+/g,
      '"$1":<n>',
    )
    .replaceAll(/"(token_ids|prompt_token_ids|tokens)":\[[\d,]+\]/g, '"$1":[<ids>]')
    .replaceAll(/"token_strs":\[[^\]]+\]/g, '"token_strs":[<strings>]')
    .replaceAll(/"logprobs":\{.*?\}(?=,"finish_reason")/g, '"logprobs":{<logprobs>}')
    .replaceAll(/"(\w+_ms|tokens_per_second)":[\d.e-]+/g, '"$1":<number>')
    .replaceAll(/"completion_tokens":\d+/g, '"completion_tokens":<n>')
}

/** Token events look alike once masked: how many there are, and how choices mix, depends on timing. */
function shapeOf(answer: string): string {
  return [...new Set(mask(answer).split('<chunk>\n'))].join('')
}

async function answersOf(engine: Engine, name: string) {
  const request = readFileSync(`${FOLDER}/${name}.request.http`)
  const answer = await exchangeBytes(Number(new URL(engine.url).port), request)
  const expected = readFileSync(`${FOLDER}/${name}.http`, 'utf8')
  return { simulated: shapeOf(answer.toString('utf8')), real: shapeOf(expected) }
}

function engineWith(switches: Partial<RawEngineOptions>): Promise<Engine> {
  const options = parseEngineOptions({
    ...ENGINE_DEFAULTS,
    listen: '127.0.0.1:0',
    profile: 'tiny-cpu',
    prefixCaching: true,
    ...switches,
  })
  return startEngine(options, systemClock)
}

const SWITCHES: Readonly<Record<string, Partial<RawEngineOptions>>> = {
  plain: {},
  keyed: {
    apiKey: ['sekret'],
    requestIdHeaders: true,
    promptTokensDetails: true,
    perRequestMetrics: true,
  },
  forced: { forceUsage: true, streamInterval: '4' },
}

function switchesFor(name: string): string {
  if (KEYED.test(name)) return 'keyed'
  return FORCED.test(name) ? 'forced' : 'plain'
}

describe.skipIf(!isHere)('against captured answers (skipped: the captures are not there)', () => {
  const engines = new Map<string, Engine>()
  beforeAll(async () => {
    for (const [key, switches] of Object.entries(SWITCHES)) {
      engines.set(key, await engineWith(switches))
    }
  })
  afterAll(async () => {
    await Promise.all([...engines.values()].map((engine) => engine.close()))
  })

  test.each(names)('%s: head, framing and JSON are those of vLLM', async (name) => {
    const engine = engines.get(switchesFor(name))
    if (engine === undefined) throw new Error('the engine did not start')
    const { simulated, real } = await answersOf(engine, name)
    expect(simulated).toBe(real)
  })
})
