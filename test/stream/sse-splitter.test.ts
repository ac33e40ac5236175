/** Event boundaries in every line ending, every split, and past every limit. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventData } from '../../src/stream/event-data.ts'
import { eachEvent } from '../../src/stream/kept-events.ts'
import { SseSplitter, type SplitterLimits } from '../../src/stream/sse-splitter.ts'

/** Pushes the text in pieces; piece k arrives at time k + 1. */
function split(text: string, cuts: readonly number[] = [], limits: SplitterLimits = {}) {
  const bytes = Buffer.from(text)
  const splitter = new SseSplitter(limits)
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])]
  edges.sort((a, b) => a - b)
  edges.slice(1).forEach((edge, index) => splitter.push(bytes, edges[index] ?? 0, edge, index + 1))
  return splitter
}

function dataOf({ log }: SseSplitter): string[] {
  const found: string[] = []
  eachEvent(log.bytes, (bytes, from, to) => void found.push(eventData(bytes, from, to)))
  return found
}

/** The bytes of each event as they were, and when it came. */
function eventsOf({ log }: SseSplitter): (readonly [string, number])[] {
  const found: (readonly [string, number])[] = []
  eachEvent(log.bytes, (bytes, from, to, atUs) => {
    found.push([bytes.toString('latin1', from, to), atUs])
  })
  return found
}

test.each([
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
])('events end at a blank line written as %s', (_name, line) => {
  const text = ['data: a', '', 'event: x', 'data: b', 'data: c', '', ''].join(line)
  expect(dataOf(split(text))).toEqual(['a', 'b\nc'])
})

test('a space after the colon is optional, and only one is taken', () => {
  expect(dataOf(split('data:a\n\ndata:  b\n\ndata\n\ndatab: c\n\n'))).toEqual(['a', ' b', '', ''])
})

test('comments are no events, keep no bytes and have no time', () => {
  const splitter = split(': keep-alive\n\n: keep-alive\n\ndata: a\n\n: x\n\n')
  expect(dataOf(splitter)).toEqual(['a'])
  expect(splitter.keptBytes).toBe('data: a\n\n'.length)
})

test('a comment inside an event does not end or hide it', () => {
  expect(dataOf(split(': c\ndata: a\n: d\ndata: b\n\n'))).toEqual(['a\nb'])
})

test('a byte-order mark before the first line is no part of it', () => {
  expect(dataOf(split('\uFEFFdata: a\n\n', [1, 2]))).toEqual(['a'])
})

test('an event has the time of the piece that holds its last byte', () => {
  const splitter = split('data: a\n\ndata: b\n\n', [4, 9, 17])
  expect(eventsOf(splitter).map(([, atUs]) => atUs)).toEqual([2, 4])
})

test('an event without its blank line counts only once the stream is whole', () => {
  const splitter = split('data: a\n\ndata: [DONE]\n')
  expect(dataOf(splitter)).toEqual(['a'])
  splitter.finish(9)
  expect(dataOf(splitter)).toEqual(['a', '[DONE]'])
  const half = split('data: a\n\ndata: b')
  half.finish(9)
  expect(dataOf(half)).toEqual(['a'])
})

test('an event or a stream longer than its limit is cut there and keeps what was whole', () => {
  const long = `data: a\n\ndata: ${'x'.repeat(100)}\n\ndata: c\n\n`
  const byEvent = split(long, [], { maxEventBytes: 50 })
  expect([dataOf(byEvent), byEvent.isCut]).toEqual([['a'], true])
  const byStream = split('data: a\n\n'.repeat(10), [], { maxStreamBytes: 30 })
  expect([dataOf(byStream), byStream.isCut]).toEqual([['a', 'a', 'a'], true])
})

const line = fc.oneof(
  fc.constantFrom('', '', '', ': keep-alive', 'event: x', 'id: 1', 'retry', ':', 'data'),
  fc
    .string({ unit: 'grapheme', maxLength: 12 })
    .map((text) => `data: ${text.replaceAll(/[\r\n]/g, '')}`),
)
const stream = fc
  .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 30 })
  .map((lines) => lines.map((pair) => pair.join('')).join(''))

test('where the bytes are split makes no difference to the events or the bytes kept', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 20 }), (text, cuts) => {
      const whole = split(text)
      const pieces = split(text, cuts)
      expect(dataOf(pieces)).toEqual(dataOf(whole))
      const bytesOf = (splitter: SseSplitter) => eventsOf(splitter).map(([bytes]) => bytes)
      expect(bytesOf(pieces)).toEqual(bytesOf(whole))
      expect(pieces.keptBytes).toBe(whole.keptBytes)
    }),
    { numRuns: 500 },
  )
})

/** The standard's own algorithm, slow and on a whole text. */
function dispatch(text: string): string[] {
  const events: string[] = []
  let data: string[] = []
  let isEvent = false
  for (const entry of text.split(/\r\n|\n|\r/).slice(0, -1)) {
    if (entry === '') {
      if (isEvent) events.push(data.join('\n'))
      data = []
      isEvent = false
    } else if (!entry.startsWith(':')) {
      isEvent = true
      const [, value] = /^data:\u0020?(.*)$/su.exec(entry) ?? []
      if (value !== undefined) data.push(value)
    }
  }
  return events
}

test('events are those of the standard', () => {
  fc.assert(
    fc.property(stream, (text) => {
      // A CR at the very end could be half of a CRLF; the standard waits for what follows.
      fc.pre(!text.startsWith('\uFEFF'))
      expect(dataOf(split(text))).toEqual(dispatch(text))
    }),
    { numRuns: 500 },
  )
})

test('any bytes at all are taken without throwing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const splitter = new SseSplitter()
      splitter.push(Buffer.from(bytes), 0, bytes.length, 1)
      splitter.finish(2)
      expect(splitter.keptBytes).toBeLessThanOrEqual(bytes.length)
    }),
  )
})

test('memory that one stream gave back serves the next, which reads the same', () => {
  const text = Buffer.from('data: one\n\ndata: two\n\n')
  const read = () => {
    const splitter = new SseSplitter()
    splitter.push(text, 0, text.length, 7)
    return { splitter, events: eventsOf(splitter) }
  }
  const first = read()
  first.splitter.release()
  const second = read()
  expect(second.events).toEqual(first.events)
  first.splitter.push(text, 0, text.length, 8)
  expect(eventsOf(second.splitter)).toEqual(first.events)
  expect(second.splitter.keptBytes).toBe(text.length)
})
