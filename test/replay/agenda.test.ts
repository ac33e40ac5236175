import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Agenda } from '../../src/replay/agenda.ts'

test('items come out in the order of their instants, and of their adding within one instant', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 20 })), (instants) => {
      const agenda = new Agenda<number>()
      for (const [item, atUs] of instants.entries()) agenda.add(atUs, item)
      const taken = instants.map(() => agenda.take() ?? -1)
      const wanted = instants
        .map((_, item) => item)
        .toSorted((a, b) => instants[a]! - instants[b]! || a - b)
      expect(taken).toEqual(wanted)
      expect(agenda.take()).toBeUndefined()
      expect(agenda.nextUs).toBe(Number.POSITIVE_INFINITY)
    }),
  )
})
