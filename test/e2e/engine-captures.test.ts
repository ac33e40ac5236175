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
import { shapeOf } from '../support/vllm-shape.ts'

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
