import { expect, test } from 'vitest'
import { TraceError } from '../../src/base/errors.ts'
import { parseRecordOptions } from '../../src/record/options.ts'
import { type RawRecordOptions, RECORD_DEFAULTS } from '../../src/record/record-flags.ts'

const parse = (changes: Partial<RawRecordOptions>) =>
  parseRecordOptions({ ...RECORD_DEFAULTS, upstream: 'http://a:8000', ...changes })

test('one upstream is one route, named by its port; others are added', () => {
  const { routes } = parse({ listen: '0.0.0.0:9000', route: ['9001=https://b'] })
  expect(routes.map(({ name, upstream }) => [name, upstream.origin])).toEqual([
    ['9000', 'http://a:8000'],
    ['9001', 'https://b'],
  ])
})

test.each([
  [{ upstream: 'http://a:8000/v1' }, '--upstream wants no path'],
  [{ upstream: 'http://a:8000?x=1' }, '--upstream wants no path'],
  [{ upstream: 'http://user:word@a:8000' }, '--upstream wants no user or password'],
  [{ upstream: 'ftp://a' }, '--upstream wants an address'],
  [{ upstream: undefined }, '--upstream is missing'],
  [{ route: ['9001'] }, '--route wants LISTEN=URL'],
  [{ route: ['9001=http://b/x'] }, '--route wants no path'],
  [{ tlsCert: 'c.pem' }, '--tls-cert and --tls-key go together'],
  [{ upstreamKey: 'k.pem' }, '--upstream-cert and --upstream-key go together'],
  [{ sendProxy: 'v3' }, '--send-proxy wants one of off, v1, v2'],
  [{ drain: '30' }, '--drain wants a duration'],
  [{ maxConnections: '0' }, '--max-connections wants a whole number from 1'],
  [{ queueBytes: '64' }, '--queue-bytes wants a size'],
])('%j is refused by name', (changes, message) => {
  expect(() => parse(changes as Partial<RawRecordOptions>)).toThrow(TraceError)
  expect(() => parse(changes as Partial<RawRecordOptions>)).toThrow(message)
})
