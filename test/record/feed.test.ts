import { expect, test } from 'vitest'
import { RECORD } from '../../src/record/batch.ts'
import { BatchPool } from '../../src/record/batch-pool.ts'
import { Feed } from '../../src/record/feed.ts'
import type { FromObserver, ToObserver } from '../../src/record/messages.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const QUEUE_BYTES = 2_000_000
const COUNTS = { requests: 0, recorded: 0 } as Extract<FromObserver, { type: 'done' }>['counts']

/** An observer that reads only when it is told to. */
function slowObserver() {
  const batches: Extract<ToObserver, { type: 'batch' }>[] = []
  let answer: (message: FromObserver) => void = () => undefined
  const feed = new Feed({
    clock: new VirtualClock(),
    queueBytes: QUEUE_BYTES,
    queueRecords: 1_000_000,
    startObserver: () => ({
      post: (message) => void (message.type === 'batch' && batches.push(message)),
      listen: (onMessage) => void (answer = onMessage),
      kill: () => undefined,
    }),
    onMessage: () => undefined,
  })
  feed.start()
  const readAll = (): void => {
    for (const { number } of batches.splice(0)) answer({ type: 'done', counts: COUNTS, number })
  }
  return { feed, batches, readAll }
}

test('an observer that keeps up is shown what came, however little, at each flush', () => {
  const { feed, batches, readAll } = slowObserver()
  const seen: number[] = []
  for (let turn = 0; turn < 20; turn += 1) {
    feed.put(RECORD.clientBytes, 1, turn, Buffer.alloc(100), 100)
    feed.flush()
    seen.push(batches.length)
    readAll()
  }
  expect(new Set(seen)).toEqual(new Set([1]))
})

test('what trickles while the observer is behind costs no more memory than what may wait', () => {
  const { feed, batches, readAll } = slowObserver()
  const memories = new Set<SharedArrayBuffer>()
  for (let backlog = 0; backlog < 3; backlog += 1) {
    let taken = 0
    while (feed.put(RECORD.upstreamBytes, 1, 0, Buffer.alloc(1_000), 1_000) !== null) {
      taken += 1_000
      feed.flush()
    }
    expect(taken).toBeGreaterThan(QUEUE_BYTES * 0.7)
    for (const { memory } of batches) memories.add(memory)
    readAll()
  }
  const made = [...memories].reduce((sum, { byteLength }) => sum + byteLength, 0)
  expect(made).toBeLessThan(QUEUE_BYTES * 1.3)
})

test('a batch that a socket still sends from is not filled again', () => {
  const pool = new BatchPool(QUEUE_BYTES, 1_000)
  pool.filling.isPinned = true
  const pinned = pool.lend()
  pool.takeBack(pinned.number)
  const memories = [pool.lend(), pool.lend(), pool.lend()].map(({ memory }) => memory)
  expect(memories).not.toContain(pinned.memory)
})

test('the next backlog fills the batches of the last one', () => {
  const pool = new BatchPool(QUEUE_BYTES, 1_000)
  for (let backlog = 0; backlog < 5; backlog += 1) {
    const lent = [pool.lend(), pool.lend(), pool.lend()]
    for (const { number } of lent) pool.takeBack(number)
  }
  expect(pool.madeCount).toBe(4)
})
