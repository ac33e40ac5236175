/** The observer, whole, over real exchanges that were damaged on their way: it never throws. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RECORD } from '../../src/record/batch.ts'
import { ExchangeEnricher } from '../../src/record/enrich.ts'
import { OBSERVE_FLAGS, parseObserveOptions } from '../../src/record/observe-options.ts'
import { Observer } from '../../src/record/observer.ts'
import type { Row } from '../../src/record/request-row.ts'
import type { RowKeeper } from '../../src/record/row-keeper.ts'
import type { BlockRow } from '../../src/trace/columns.ts'
import { hasCaptures, readCaptures, type WireCapture } from '../support/captures.ts'

function observe(changes: Readonly<Record<string, string>> = {}) {
  const rows: Row[] = []
  const blocks: BlockRow[] = []
  let gaps = 0
  let seq = 0
  const keeper = {
    takeSeq: () => (seq += 1),
    open: () => undefined,
    complete: (row: Row) => void rows.push(row),
    addBlocks: (more: readonly BlockRow[]) => void blocks.push(...more),
    addGap: () => void (gaps += 1),
  } as unknown as RowKeeper
  const raw = Object.fromEntries(
    Object.entries(OBSERVE_FLAGS).flatMap(([key, flag]) =>
      'default' in flag ? [[key, flag.default]] : [],
    ),
  )
  const options = parseObserveOptions({ ...raw, ...changes } as never, 'out', [])
  const enricher = new ExchangeEnricher({
    secret: Buffer.alloc(32, 3),
    observe: options,
    hasBlock: () => false,
    countPrompt: () => null,
    parentOf: () => null,
  })
  const limits = { maxBodyBytes: 1e6, maxStreamBytes: 1e6, maxHeadBytes: 65_536 }
  const observer = new Observer({ keeper, enricher, originUs: () => 0, limits })
  return { observer, rows, blocks, gaps: () => gaps }
}

type Seen = ReturnType<typeof observe>

const OPEN = Buffer.from(JSON.stringify({ route: '9000', turns: 0, clientBytes: 0 }))
let atUs = 0

function play({ observer }: Seen, id: number, request: Buffer, answer: Buffer, step: number): void {
  const give = (kind: Parameters<Observer['take']>[0], bytes: Buffer) => {
    for (let from = 0; from < bytes.length; from += step) {
      observer.take(kind, id, (atUs += 1), bytes, from, Math.min(from + step, bytes.length))
    }
  }
  observer.take(RECORD.open, id, (atUs += 1), OPEN, 0, OPEN.length)
  give(RECORD.clientBytes, request)
  give(RECORD.upstreamBytes, answer)
  observer.take(RECORD.upstreamEnd, id, (atUs += 1), OPEN, 0, 0)
  observer.take(RECORD.closed, id, (atUs += 1), OPEN, 0, 0)
}

const pairs = readCaptures().filter(
  ({ request, answer }) => request.length > 0 && answer.length < 20_000,
)

const mutation = fc.record({
  place: fc.nat(),
  action: fc.constantFrom('set', 'cut', 'double', 'swap'),
  byte: fc.constantFrom(0, 10, 13, 34, 44, 48, 58, 91, 92, 93, 123, 125, 128, 255),
  length: fc.integer({ min: 1, max: 40 }),
})
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never

function damage(bytes: Buffer, mutations: readonly Mutation[]): Buffer {
  let result = Buffer.from(bytes)
  for (const { place, action, byte, length } of mutations) {
    const at = place % Math.max(1, result.length)
    const part = result.subarray(at, at + length)
    if (action === 'set') result[at] = byte
    else if (action === 'cut')
      result = Buffer.concat([result.subarray(0, at), result.subarray(at + length)])
    else if (action === 'double')
      result = Buffer.concat([result.subarray(0, at), part, result.subarray(at)])
    else part.reverse()
  }
  return result
}

test.skipIf(!hasCaptures)('every captured exchange becomes a row, or passes', () => {
  const seen = observe()
  pairs.forEach(({ request, answer }, id) => play(seen, id, request, answer, 1_000))
  expect(seen.rows.length + seen.observer.passed).toBe(pairs.length)
  expect(seen.gaps()).toBe(0)
})

test.skipIf(!hasCaptures)(
  'damaged exchanges are rows, gaps or nothing, and the next one is whole',
  () => {
    const whole = pairs.find(({ name }) => name === 'chat-stream-usage') as WireCapture
    fc.assert(
      fc.property(
        fc.constantFrom(...pairs.map((_, index) => index)),
        fc.array(mutation, { minLength: 1, maxLength: 5 }),
        fc.array(mutation, { maxLength: 5 }),
        fc.integer({ min: 1, max: 3_000 }),
        (index, ofRequest, ofAnswer, step) => {
          const { request, answer } = pairs[index] as WireCapture
          const seen = observe()
          play(seen, 1, damage(request, ofRequest), damage(answer, ofAnswer), step)
          play(seen, 1, whole.request, whole.answer, 500)
          expect(seen.rows.at(-1)).toMatchObject({
            outcome: 'ok',
            outputTokens: 24,
            promptTokens: 23,
          })
          for (const row of seen.rows) {
            for (const value of Object.values(row)) {
              expect(typeof value === 'number' && !Number.isSafeInteger(value)).toBe(false)
            }
          }
        },
      ),
      { numRuns: 400 },
    )
  },
)

test('of a sample, only rows that are kept count among those with the server’s counts', () => {
  const seen = observe({ sample: '50%' })
  const usage = { prompt_tokens: 3, completion_tokens: 1 }
  const said = JSON.stringify({ model: 'm', choices: [{ index: 0, text: 'x' }], usage })
  const answer = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${said.length}\r\n\r\n${said}`)
  for (let id = 0; id < 60; id += 1) {
    const body = JSON.stringify({ model: 'm', prompt: `question ${id}`, max_tokens: 1 })
    const head = `POST /v1/completions HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n`
    play(seen, id, Buffer.from(head + body), answer, 1_000)
  }
  const { requests, serverCounted } = seen.observer.counts
  expect([requests, serverCounted]).toEqual([60, seen.rows.length])
  expect(seen.rows.length).toBeGreaterThan(10)
  expect(seen.rows.length).toBeLessThan(50)
})
