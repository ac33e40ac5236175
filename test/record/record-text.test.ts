import { expect, test } from 'vitest'
import { QUIET_STATUS } from '../support/record-control.ts'
import { parseRecordOptions } from '../../src/record/options.ts'
import { NO_COUNTS } from '../../src/record/record-counts.ts'
import { bucketOf, BUCKETS } from '../../src/stats/octaves.ts'
import { RECORD_DEFAULTS } from '../../src/record/record-flags.ts'
import {
  bannerText,
  keepsText,
  liveText,
  summaryText,
  type RecordStatus,
} from '../../src/record/record-text.ts'

const options = parseRecordOptions({
  ...RECORD_DEFAULTS,
  upstream: 'http://vllm:8000',
  listen: '0.0.0.0:9000',
  out: 'prod/',
})
const route = options.routes[0]
if (route === undefined) throw new Error('no route')

test('the banner says who stands behind, or that nobody answers yet', () => {
  const server = {
    software: 'vLLM',
    version: '0.32.0',
    models: ['llama-3.1-8b'],
    maxModelTokens: 131_072,
  }
  expect(bannerText(route, server)).toBe(
    'recording :9000 → http://vllm:8000 (vLLM 0.32.0, llama-3.1-8b, context 131,072)\n',
  )
  const away = { problem: 'connection refused', isAway: true }
  expect(bannerText(route, away)).toBe(
    'recording :9000 → http://vllm:8000 (not reachable yet: connection refused; clients get 502 until it is)\n',
  )
  const untrusted = { problem: 'its certificate is self-signed', isAway: false }
  expect(bannerText(route, untrusted)).toMatch(
    /not reachable yet: its certificate is self-signed; .*\n {2}--upstream-ca FILE .*--insecure/,
  )
  expect(bannerText(route, 'late')).toContain('(it has not said yet what it is)')
  const other = { ...server, software: null, version: '1.1.0', models: [], maxModelTokens: null }
  expect(bannerText(route, other)).toContain('(a server of version 1.1.0)')
  const key = { secret: new Uint8Array(32), place: 'TRACE_KEY', problem: null }
  expect(keepsText(options, key, 4_711)).toMatch(
    /, TRACE_KEY\); no text, no headers\nkill -USR2 4711 switches recording off, and on again\n$/,
  )
})

const status: RecordStatus = {
  ...QUIET_STATUS,
  elapsedUs: 847_000_000,
  counts: {
    ...NO_COUNTS,
    requests: 10_537,
    inFlight: 31,
    recorded: 10_512,
    serverCounted: 7_463,
    hungUp: 3,
  },
  unrecorded: 0,
  connections: 40,
  delays: { counts: new Float64Array(BUCKETS).fill(1, bucketOf(41), bucketOf(41) + 1), sumUs: 41 },
  degraded: null,
  upstreamProblem: null,
}

test('the live line fits a terminal and ends with what the relay adds', () => {
  expect(liveText(status, QUIET_STATUS)).toBe(
    ' 00:14:07  12.4 req/s · 31 in flight · 10,512 recorded (71 % counted by the server) · ' +
      '3 hung up · 0 unrecorded · +0.044 ms',
  )
  expect(liveText(status, { ...QUIET_STATUS, delays: status.delays })).toMatch(/ · no chunks$/)
})

test('what is wrong stands first in the live line, where 80 columns show it', () => {
  const troubled = {
    ...status,
    degraded: 'rows cannot be written to prod: the disk is full',
    upstreamProblem: 'connection refused',
  }
  expect(liveText(troubled, QUIET_STATUS).slice(0, 80)).toContain(
    'DEGRADED: rows cannot be written to prod: the disk is full · server: ',
  )
})

test('the summary says what is there, what is missing, and how tokens were counted', () => {
  const counts = { ...NO_COUNTS, recorded: 100, serverCounted: 71, segments: 1, fileBytes: 2e6 }
  const summary = {
    directory: 'prod/',
    elapsedUs: 852_000_000,
    counts: { ...counts, passed: 1_200 },
    unrecorded: 5,
    degraded: null,
    digest: '9c41aa55bb66cc77',
    asksUsage: false,
  }
  const text = summaryText(summary)
  expect(summaryText({ ...summary, asksUsage: true })).not.toContain('--ask-usage')
  expect(text).toBe(
    'prod/  100 requests in 14 min 12 s · 1 segment · 2 MB · digest 9c41aa55bb66\n' +
      '       token counts: 71 % from the server; --ask-usage asks it for all\n' +
      '       5 requests are missing: see its gaps\n' +
      '       1,200 requests of other kinds passed, unrecorded\n',
  )
})

test('where nothing was recorded of what passed, the last line says so and why, and names no gaps', () => {
  const summary = {
    directory: 'prod',
    elapsedUs: 3_000_000,
    counts: { ...NO_COUNTS, lostRows: 8 },
    unrecorded: 8,
    degraded: 'rows cannot be written to prod: no right to write there',
    digest: null,
    asksUsage: false,
  }
  expect(summaryText(summary)).toBe(
    'prod/  0 requests in 3 s · 0 segments · 0 B\n' +
      'nothing was recorded of 8 requests that passed: rows cannot be written to prod: no right to write there\n',
  )
  const known = { ...summary, counts: { ...summary.counts, gapRows: 1 } }
  expect(summaryText(known)).toMatch(/ 8 requests are missing: see its gaps\n$/)
})

test('a beat of one request a second reads as one, though a second is never quite one', () => {
  const counts = { ...NO_COUNTS, requests: 1 }
  const text = liveText(
    { ...status, counts, elapsedUs: 1_001_000 },
    { ...QUIET_STATUS, elapsedUs: 0 },
  )
  expect(text).toContain(' 1 req/s ')
})
