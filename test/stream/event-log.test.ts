/** Events that are kept by what they differ in come back as they were. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventLog } from '../../src/stream/event-log.ts'
import { eachEvent, eventsUntil, wireBytes } from '../../src/stream/kept-events.ts'
import { SseSplitter } from '../../src/stream/sse-splitter.ts'

const usual = (text: string) =>
  `data: {"id":"cmpl-1","choices":[{"index":0,"text":"${text}","finish_reason":null}]}\n\n`

/** Mostly like one another; some with line ends, comments or other fields where only a word should be. */
const event = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }).map(usual) },
  { weight: 2, arbitrary: fc.constantFrom('', 'a', 'aa', ' word', '"', 'null}]}').map(usual) },
  fc.constantFrom('\n', '\n\n', '\r', '\r\n', 'a\n\nb', '\n: c\n', '\ndata: x').map(usual),
  fc
    .tuple(fc.nat({ max: 90 }), fc.constantFrom('', ':', '\n', '\r\n', 'x'))
    .map(([at, put]) => `${usual('w').slice(0, at)}${put}${usual('w').slice(at + 1)}`),
  fc.constantFrom(': ping\n\n', 'event: x\ndata: y\n\n', 'data: [DONE]\n\n', ':\n\ndata: z\n\n'),
  fc.constantFrom(usual('w').replaceAll('\n', '\r\n'), usual('w').replaceAll('\n', '\r'), '\n'),
  fc.string({ minLength: 300, maxLength: 400 }).map(usual),
)
const events = fc.array(event, { maxLength: 20 })

function eventsOf(kept: Uint8Array): (readonly [string, number])[] {
  const found: (readonly [string, number])[] = []
  eachEvent(Buffer.from(kept), (bytes, from, to, atUs) => {
    found.push([bytes.toString('latin1', from, to), atUs])
  })
  return found
}

test('every event comes back, byte for byte and with its time', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(event, fc.string({ minLength: 1 })), { maxLength: 90 }),
      (all) => {
        const given = all.map((text) => Buffer.from(text)).filter(({ length }) => length > 0)
        const log = new EventLog()
        const atUs = (index: number) => 2 ** 40 + index * 20_000
        given.forEach((bytes, index) => {
          log.compare(bytes, 0, bytes.length)
          log.add(bytes, 0, bytes.length, atUs(index))
        })
        const whole = given.map((bytes, index) => [bytes.toString('latin1'), atUs(index)])
        const kept = log.bytes
        log.release()
        expect(eventsOf(kept)).toEqual(whole)
        expect(wireBytes(kept)).toBe(given.reduce((sum, { length }) => sum + length, 0))
        expect(eventsOf(eventsUntil(kept, atUs(2)))).toEqual(whole.slice(0, 3))
      },
    ),
    { numRuns: 500 },
  )
})

test('events that come one by one are those of the same bytes one by one', () => {
  const read = (pieces: readonly Buffer[]) => {
    const seen: string[] = []
    const splitter = new SseSplitter({}, (bytes, from, to) => {
      seen.push(bytes.toString('latin1', from, to))
    })
    for (const bytes of pieces) splitter.push(bytes, 0, bytes.length, 0)
    expect(eventsOf(splitter.log.bytes).map(([text]) => text)).toEqual(seen)
    return { seen, keptBytes: splitter.keptBytes }
  }
  fc.assert(
    fc.property(events, (texts) => {
      const wholes = texts.map((text) => Buffer.from(text))
      const bytes = Buffer.concat(wholes)
      const single = Array.from(bytes, (byte) => Buffer.from([byte]))
      expect(read(wholes)).toEqual(read(single))
    }),
    { numRuns: 2_000 },
  )
})

test('a stream whose events differ in a word is kept in a tenth of its bytes, times apart', () => {
  const log = new EventLog()
  for (let index = 0; index < 1_000; index += 1) {
    const bytes = Buffer.from(usual(` word${index}`))
    log.compare(bytes, 0, bytes.length)
    log.add(bytes, 0, bytes.length, index)
  }
  expect(log.bytes.length * 10).toBeLessThan(wireBytes(log.bytes))
})
