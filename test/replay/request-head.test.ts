import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asAttempt, headMaker, traceParent } from '../../src/replay/request-head.ts'

const maker = (isTraced: boolean) =>
  headMaker({
    host: 'h:1',
    basePath: '/v1',
    runId: 'run',
    isTraced,
    isLastOnConnection: true,
    extra: [['X-Request-ID', 'mine']],
  })
const [quiet, traced] = [maker(false), maker(true)]

test('a try that follows another has a name and a span of its own, and the same body', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.nat(3),
      fc.integer({ min: 1, max: 30 }),
      fc.string(),
      fc.boolean(),
      (...drawn) => {
        const [seq, copy, attempt, text, isTraced] = drawn
        const make = isTraced ? traced : quiet
        const body = Buffer.from(text)
        const bytes = Buffer.concat([
          Buffer.from(make('/completions', { seq, copy, attempt: 0 }, body.length)),
          body,
        ])
        const wanted = Buffer.concat([
          Buffer.from(make('/completions', { seq, copy, attempt }, body.length)),
          body,
        ])
        expect(Buffer.from(asAttempt(bytes, attempt)).equals(wanted)).toBe(true)
        // A third try is made of the second's bytes.
        expect(Buffer.from(asAttempt(asAttempt(bytes, 7), attempt)).equals(wanted)).toBe(true)
      },
    ),
  )
})

test('what is no head of ours is left as it is', () => {
  const bytes = Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  expect(asAttempt(bytes, 1)).toBe(bytes)
  expect(asAttempt(Buffer.alloc(200), 1)).toEqual(Buffer.alloc(200))
})

test('the span of a request follows from its name', () => {
  expect(traceParent('run-0')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  expect(traceParent('run-0')).not.toBe(traceParent('run-0-r1'))
  expect(traceParent('run-0', true)).toBe(traceParent('run-0').replace(/00$/, '01'))
})
