import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatProxyHeader, parseProxyHeader } from '../../src/record/proxy-protocol.ts'

const port = fc.integer({ min: 0, max: 65_535 })
const four = fc.ipV4()
const endpoints = fc.record({
  source: four,
  destination: four,
  sourcePort: port,
  destinationPort: port,
})

test.each([1, 2] as const)('version %i: what is written is read again, at any cut', (version) => {
  fc.assert(
    fc.property(endpoints, fc.uint8Array({ maxLength: 40 }), (wanted, rest) => {
      const header = formatProxyHeader(version, wanted)
      const whole = Buffer.concat([header, rest])
      expect(parseProxyHeader(whole)).toEqual({ sizeBytes: header.length, endpoints: wanted })
      for (let size = 0; size < header.length; size += 1) {
        expect(parseProxyHeader(whole.subarray(0, size))).toBe('more')
      }
    }),
  )
})

test('the example of the specification is read', () => {
  const text = 'PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\nGET / HTTP/1.1\r\n'
  expect(parseProxyHeader(Buffer.from(text))).toMatchObject({
    sizeBytes: 56,
    endpoints: { source: '255.255.255.255', sourcePort: 65_535 },
  })
  expect(parseProxyHeader(Buffer.from('PROXY UNKNOWN\r\n'))).toEqual({
    sizeBytes: 15,
    endpoints: null,
  })
})

test('IPv6 addresses of version 2 keep their meaning', () => {
  const wanted = { source: '2001:db8::7', destination: '::1', sourcePort: 1, destinationPort: 2 }
  expect(parseProxyHeader(formatProxyHeader(2, wanted))).toMatchObject({
    endpoints: { source: '2001:db8:0:0:0:0:0:7', destination: '0:0:0:0:0:0:0:1' },
  })
})

test.each([
  'GET / HTTP/1.1\r\n',
  'PROXY TCP4 a b 1\r\n',
  'PROXY TCP4 1.1.1.1 2.2.2.2 99999 1\r\n',
  `PROXY TCP4 ${'1'.repeat(200)}`,
])('%j is no PROXY header', (text) => {
  expect(parseProxyHeader(Buffer.from(text))).toBe('bad')
})
