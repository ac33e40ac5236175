import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AnswerReader } from '../../src/stream/answer-reader.ts'
import { interpret } from '../../src/stream/interpret.ts'
import {
  eventsOf,
  expectedOf,
  layouts,
  meanings,
  TOLD_DIALECTS,
  wireOf,
} from '../support/told-answers.ts'

const pieceSizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 })

test.each(TOLD_DIALECTS)(
  '%s: any stream, laid out and cut in any way, is what it was meant to say',
  (dialect) => {
    fc.assert(
      fc.property(meanings, layouts, pieceSizes, (meaning, layout, sizes) => {
        const { bytes, tokenEnds } = wireOf(eventsOf(dialect, meaning), layout, dialect)
        const reader = new AnswerReader()
        const atUs: number[] = []
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const to = Math.min(bytes.length, at + (sizes[turn % sizes.length] ?? 1))
          const nowUs = 1_000 + turn * 7
          // The relay's memory is used again at once.
          const piece = Buffer.from(bytes.subarray(at, to))
          reader.push(piece, 0, piece.length, nowUs)
          piece.fill(0)
          for (const end of tokenEnds) if (end >= at && end < to) atUs.push(nowUs)
          at = to
        }
        expect(reader.isComplete).toBe(true)
        const capture = reader.capture
        if (capture === null) throw new Error('no answer')
        const seen = interpret(capture, { endpoint: dialect, isStream: true, keepAnswer: true })
        const { text, chunkKinds, chunkTokens, ...expected } = expectedOf(dialect, meaning)
        expect(seen).toMatchObject(expected)
        expect([...seen.chunkKinds]).toEqual(chunkKinds)
        expect([...seen.chunkTokens]).toEqual(chunkTokens)
        expect([...seen.chunkAtUs]).toEqual(atUs)
        expect(seen.answerText).toBe(text)
        expect([reader.eventCount, reader.firstTokenAtUs]).toEqual([atUs.length, atUs[0]])
      }),
      { numRuns: 300 },
    )
  },
)
