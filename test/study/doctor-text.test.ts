/** What `trace doctor` prints. */
import { expect, test } from 'vitest'
import type { HereReport } from '../../src/study/doctor-here.ts'
import type { TargetReport } from '../../src/study/doctor-target.ts'
import { formatHere, formatTarget } from '../../src/study/doctor-text.ts'

const HERE: HereReport = {
  version: '0.1.0',
  machine: {
    platform: 'linux x64',
    release: '6.18.0',
    nodeVersion: '24.21.0',
    cpuModel: 'Some CPU',
    cpuCount: 2,
    memoryBytes: 25_300_000_000,
  },
  sqliteVersion: '3.54.1',
  packages: { undici: '8.12.4', fastify: '5.12.8' },
  throttling: { limitCpus: 1.5, throttledCount: 12, throttledUs: 340_000 },
  stolenShare: 0.004,
  timers: { p50Us: 9, p99Us: 400, maxUs: 1_200, count: 200 },
  loopDelayP99Us: 300,
  loopDelayMaxUs: 2_000,
}

test('the machine, a label each', () => {
  expect(formatHere(HERE)).toBe(
    `trace       0.1.0 · Node 24.21.0 · SQLite 3.54.1
packages    undici 8.12.4 · fastify 5.12.8
machine     linux x64 · 2 processors · 25.3 GB · Some CPU
cpu limit   1.5 processors · throttled 12 times, 340 ms in all
            stolen by the host 0.4 %
timers      late p50 0.009 ms, p99 0.4 ms, worst 1.2 ms of 200
event loop  late p99 0.3 ms, worst 2 ms
`,
  )
})

test('a system that does not tell of limits is said so', () => {
  const text = formatHere({ ...HERE, throttling: null, stolenShare: null })
  expect(text).toContain('cpu limit   not said by this system\n')
})

test('each step on the way to a target has a line, up to the one that failed', () => {
  const report: TargetReport = {
    url: 'http://vllm:8000',
    steps: [
      { name: 'name', state: 'ok', finding: 'vllm is 10.0.0.7', tookUs: 800 },
      { name: 'connect', state: 'failed', finding: 'connection refused', tookUs: 1_500 },
    ],
    verdict: 'down',
    advice: 'Is it listening there?',
  }
  expect(formatTarget(report)).toBe(`
http://vllm:8000
  ok       name       0.8 ms  vllm is 10.0.0.7
  FAILED   connect    1.5 ms  connection refused
`)
})
