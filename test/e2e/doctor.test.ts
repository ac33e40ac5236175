/** `trace doctor` against servers that are well, not LLM servers, or not there. */
import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { startEngine } from '../../src/engine/engine.ts'
import { ENGINE_DEFAULTS, parseEngineOptions } from '../../src/engine/options.ts'
import { parseDoctorOptions } from '../../src/study/doctor-options.ts'
import { type TargetReport, checkTarget } from '../../src/study/doctor-target.ts'

async function check(target: string): Promise<TargetReport> {
  const options = parseDoctorOptions({ target })
  return checkTarget(new URL(target), options, systemClock)
}

const statesOf = ({ steps }: TargetReport) => steps.map(({ name, state }) => `${name} ${state}`)

test('a simulated vLLM passes every step', async () => {
  const raw = { ...ENGINE_DEFAULTS, listen: '127.0.0.1:0', prefixCaching: true }
  const engine = await startEngine(parseEngineOptions(raw), systemClock)
  const report = await check(engine.url)
  await engine.close()
  expect(report.verdict).toBe('fit')
  expect(statesOf(report)).toEqual([
    'name ok',
    'connect ok',
    '/health ok',
    '/version ok',
    '/v1/models ok',
    '/tokenize ok',
    '/metrics ok',
  ])
})

test('a server that wants a key says so at the list of models', async () => {
  const raw = { ...ENGINE_DEFAULTS, listen: '127.0.0.1:0', prefixCaching: true, apiKey: ['k'] }
  const engine = await startEngine(parseEngineOptions(raw), systemClock)
  const report = await check(engine.url)
  await engine.close()
  expect(report.verdict).toBe('unfit')
  expect(report.steps.at(-1)?.finding).toContain('--api-key-file')
})

test('a web server that is no LLM server is unfit, and nothing is asked of it after that', async () => {
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(request.url ?? '')
    response.writeHead(404).end('no')
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', () => resolve())
  await promise
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const report = await check(`http://127.0.0.1:${port}`)
  server.close()
  server.closeAllConnections()
  expect(report.verdict).toBe('unfit')
  expect(paths).toEqual(['/health', '/version', '/v1/models'])
  expect(statesOf(report).at(-1)).toBe('/v1/models failed')
})

test('nobody listening there is down, by name, by port and by protocol', async () => {
  const refused = await check('http://127.0.0.1:1')
  expect([refused.verdict, refused.steps.at(-1)?.finding]).toEqual(['down', 'connection refused'])
  const nameless = await check('http://nosuch.invalid')
  expect([nameless.verdict, statesOf(nameless)]).toEqual(['down', ['name failed']])
})
