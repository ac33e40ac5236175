import { expect, test } from 'vitest'
import {
  hostPortText,
  parseBytes,
  parseChoice,
  parseCount,
  parseDurationUs,
  parseLimitUs,
  parseFactor,
  parseHostPort,
  parseShare,
  parseUrl,
} from '../../src/base/parse.ts'

test('durations are whole microseconds, and parts add up', () => {
  expect(
    ['0', '7us', '1.5ms', '30s', '10m', '1h30m', '2d'].map((text) => parseDurationUs('--x', text)),
  ).toEqual([0, 7, 1_500, 30_000_000, 600_000_000, 5_400_000_000, 172_800_000_000])
})

test.each(['', '5', '-1s', '1 s', '1y', 's', '1e3ms', 'NaNs', '٣s'])(
  "'%s' is no duration, and the message names the flag",
  (text) => {
    expect(() => parseDurationUs('--jitter', text)).toThrow(
      `--jitter wants a duration such as 250ms, 30s or 10m, got '${text}'`,
    )
  },
)

test('a factor needs its x and is above 0', () => {
  expect([parseFactor('--speed', '2x'), parseFactor('--speed', '0.5x')]).toEqual([2, 0.5])
  for (const text of ['2', '0x', '-1x', 'x', '1e400x', '']) {
    expect(() => parseFactor('--speed', text)).toThrow('--speed wants a factor above 0')
  }
})

test('counts, shares and sizes keep to their ranges', () => {
  expect([
    parseCount('--n', '3'),
    parseShare('--s', '10%'),
    parseShare('--s', '0.1'),
    parseBytes('--b', '64MB'),
  ]).toEqual([3, 0.1, 0.1, 64_000_000])
  expect(() => parseCount('--n', '0', 1)).toThrow('--n wants a whole number from 1 on')
  expect(() => parseShare('--s', '101%')).toThrow('--s wants a share')
  expect(() => parseBytes('--b', '64')).toThrow('--b wants a size')
})

test('a listener without a host listens on loopback only', () => {
  expect(parseHostPort('--listen', ':9000')).toEqual({ host: '127.0.0.1', port: 9000 })
  expect(parseHostPort('--listen', '9000')).toEqual({ host: '127.0.0.1', port: 9000 })
  expect(parseHostPort('--listen', '[::1]:9000')).toEqual({ host: '::1', port: 9000 })
  expect(() => parseHostPort('--listen', '0.0.0.0:70000')).toThrow('--listen wants host:port')
})

test('addresses are http or https, and choices are listed', () => {
  expect(parseUrl('--target', 'https://a/b').pathname).toBe('/b')
  expect(() => parseUrl('--target', 'localhost:8000')).toThrow('--target wants an address')
  expect(() => parseChoice('--pacing', 'fast', ['precise', 'frugal'])).toThrow(
    "one of precise, frugal, got 'fast'",
  )
})

test('a limit that nothing could keep is none', () => {
  expect(parseLimitUs('--timeout', '1us')).toBe(1)
  for (const text of ['0', '0s', '0.1us']) {
    expect(() => parseLimitUs('--timeout', text)).toThrow(
      `--timeout wants a duration above 0 such as 30s, got '${text}'`,
    )
  }
})

test('an address says what it was parsed from, IPv6 in its brackets', () => {
  for (const text of ['127.0.0.1:9000', '[::1]:9000', 'box:80']) {
    expect(hostPortText(parseHostPort('--listen', text))).toBe(text)
  }
})
