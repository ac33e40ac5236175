import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GrowingColumn, known } from '../../src/stats/growing.ts'

const VALUES = fc.array(fc.oneof(fc.integer(), fc.constant(Number.NaN)))

test('what is known of a column is all but its NaN, in order; itself where it has none', () => {
  fc.assert(
    fc.property(VALUES, (values) => {
      const column = Float64Array.from(values)
      const found = known(column)
      expect([...found]).toEqual(values.filter((value) => !Number.isNaN(value)))
      expect(found === column).toBe(!values.includes(Number.NaN))
    }),
  )
})

test('a column gives back what was put in, one by one or many at a time', () => {
  fc.assert(
    fc.property(VALUES, VALUES, (singles, many) => {
      const column = new GrowingColumn()
      for (const value of singles) column.push(value)
      column.append(Float64Array.from(many), many.length)
      expect([...column.view()]).toEqual([...singles, ...many])
    }),
  )
})
