import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BatchWriter, readBatch, RECORD, type RecordKind } from '../../src/record/batch.ts'

const kinds = Object.values(RECORD)
const record = fc.record({
  kind: fc.constantFrom<RecordKind>(...kinds),
  connection: fc.integer({ min: 1, max: 0xffff_fffe }),
  atUs: fc.double({ min: 0, max: 1e15, noNaN: true }),
  bytes: fc.uint8Array({ maxLength: 200 }),
})

test('what is written into a batch is read from it, in order', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 50 }), (records) => {
      const batch = new BatchWriter(new ArrayBuffer(65_536))
      for (const { kind, connection, atUs, bytes } of records) {
        expect(batch.fits(bytes.length)).toBe(true)
        const copy = batch.add(kind, connection, atUs, bytes, bytes.length)
        expect(new Uint8Array(copy)).toEqual(bytes)
      }
      const { memory, sizeBytes } = batch.take()
      const seen: unknown[] = []
      readBatch(memory, sizeBytes, (kind, connection, atUs, bytes, from, to) => {
        seen.push({ kind, connection, atUs, bytes: bytes.slice(from, to) })
      })
      expect(seen).toEqual(records)
    }),
  )
})

test('a batch never takes more than its memory holds', () => {
  const batch = new BatchWriter(new ArrayBuffer(1_024))
  const bytes = new Uint8Array(100)
  while (batch.fits(bytes.length)) batch.add(RECORD.clientBytes, 1, 0, bytes, bytes.length)
  expect(batch.sizeBytes).toBeLessThanOrEqual(1_024)
})

test('memory that a socket still sends from is copied, not given away', () => {
  const memory = new ArrayBuffer(1_024)
  const batch = new BatchWriter(memory)
  batch.add(RECORD.upstreamBytes, 1, 0, Buffer.from('abc'), 3)
  expect(batch.take().memory).toBe(memory)
  batch.isPinned = true
  expect(batch.take().memory).not.toBe(memory)
})
