import { expect, test } from 'vitest'
import { hintOf, reasonOf } from '../../src/base/reason.ts'

const failed = (code: string, cause?: unknown) =>
  Object.assign(new Error('quotes a secret', { cause }), { code })

test.each([
  ['ECONNREFUSED', 'connection refused'],
  ['ENETUNREACH', 'no route to it'],
  ['EMFILE', 'this process has as many files open as it may'],
  ['UND_ERR_HEADERS_OVERFLOW', 'the headers of its answer are too long'],
  ['UND_ERR_BODY_TIMEOUT', 'its answer stopped half-way'],
  ['CERT_NOT_YET_VALID', 'its certificate is not valid yet: are the clocks right?'],
  // Codes of a family are words, and the code tells which.
  ['HPE_INVALID_STATUS', 'it does not speak HTTP/1.1 (HPE_INVALID_STATUS)'],
  ['ERR_SSL_NO_PROTOCOLS', 'no TLS connection came about (ERR_SSL_NO_PROTOCOLS)'],
  ['CERT_SIGNATURE_FAILURE', 'its certificate cannot be checked (CERT_SIGNATURE_FAILURE)'],
  ['EAI_SERVICE', 'its name does not resolve (EAI_SERVICE)'],
  ['UND_ERR_NEW', 'no valid answer (UND_ERR_NEW)'],
  ['EWHATEVER', 'the connection failed (EWHATEVER)'],
])('%s is told as: %s', (code, words) => {
  expect(reasonOf(failed(code))).toBe(words)
  expect(reasonOf(new TypeError('fetch failed', { cause: failed(code) }))).toBe(words)
})

test('a failure without a code says no more than that', () => {
  expect(reasonOf(new Error('quotes a secret'))).toBe('no valid answer')
  expect(reasonOf(null)).toBe('no valid answer')
  expect(reasonOf(new AggregateError([failed('ECONNREFUSED'), failed('EPIPE')]))).toBe(
    'connection refused',
  )
})

test('advice is given where the usual one does not help', () => {
  expect(hintOf(failed('ERR_SSL_WRONG_VERSION_NUMBER'))).toContain('http://')
  expect(hintOf(failed('DEPTH_ZERO_SELF_SIGNED_CERT'))).toContain('--tls-ca')
  expect(hintOf(failed('HPE_INVALID_CONSTANT'))).toContain('port')
  expect(hintOf(failed('ECONNREFUSED'))).toBeUndefined()
})
