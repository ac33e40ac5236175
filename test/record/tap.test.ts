import { expect, test } from 'vitest'
import { RECORD, type RecordKind } from '../../src/record/batch.ts'
import type { Feed } from '../../src/record/feed.ts'
import { Tap } from '../../src/record/tap.ts'

function listeningFeed() {
  const kinds: RecordKind[] = []
  const feed: Pick<Feed, 'epoch' | 'isPaused' | 'canBegin' | 'put' | 'begin' | 'shed'> = {
    epoch: 1,
    isPaused: false,
    canBegin: () => true,
    put: (kind) => {
      kinds.push(kind)
      return Buffer.alloc(0)
    },
    begin: () => undefined,
    shed: () => undefined,
  }
  return { kinds, tap: new Tap(1, 'a', feed as Feed) }
}

test('a request after line ends, in one write or in two, is shown to the observer', () => {
  for (const writes of [['\r\n\r\nPOST / HTTP/1.1\r\n'], ['\r\n', '\r\n', 'POST / HTTP/1.1\r\n']]) {
    const { kinds, tap } = listeningFeed()
    for (const write of writes) tap.client(Buffer.from(write), 1)
    expect(tap.isFollowed).toBe(true)
    expect(kinds).toEqual([RECORD.open, RECORD.clientBytes])
  }
})

test('a connection that begins with anything else is not followed', () => {
  const { kinds, tap } = listeningFeed()
  tap.client(Buffer.from([22, 3, 1]), 1)
  tap.client(Buffer.from('POST / HTTP/1.1\r\n'), 2)
  expect(tap.isFollowed).toBe(false)
  expect(kinds).toEqual([])
})
