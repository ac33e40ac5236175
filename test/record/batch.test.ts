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
      const batch = new BatchWriter(65_536)
      for (const { kind, connection, atUs, bytes } of records) {
        expect(batch.fits(bytes.length)).toBe(true)
        const copy = batch.add(kind, connection, atUs, Buffer.from(bytes), bytes.length)
        expect(new Uint8Array(copy)).toEqual(bytes)
      }
      const { memory, sizeBytes } = batch
      const seen: unknown[] = []
      readBatch(memory, sizeBytes, (kind, connection, atUs, bytes, from, to) => {
        seen.push({ kind, connection, atUs, bytes: Uint8Array.from(bytes.subarray(from, to)) })
      })
      expect(seen).toEqual(records)
    }),
  )
})

test('a batch never takes more than its memory holds', () => {
  const batch = new BatchWriter(1_024)
  const bytes = Buffer.alloc(100)
  while (batch.fits(bytes.length)) batch.add(RECORD.clientBytes, 1, 0, bytes, bytes.length)
  expect(batch.sizeBytes).toBeLessThanOrEqual(1_024)
})

test('a batch that was read is filled again from its start', () => {
  const batch = new BatchWriter(1_024)
  batch.add(RECORD.upstreamBytes, 1, 0, Buffer.from('abc'), 3)
  batch.clear()
  const copy = batch.add(RECORD.upstreamBytes, 2, 0, Buffer.from('xyz'), 3)
  expect([batch.recordCount, copy.byteOffset, copy.toString()]).toEqual([1, 16, 'xyz'])
})
