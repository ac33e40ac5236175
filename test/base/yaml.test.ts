import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatYaml, parseYaml } from '../../src/base/yaml.ts'

/** Texts that look like the lines of a list of numbers. */
const numeric = fc
  .array(fc.constantFrom('12', '-3.5', '\n', ' ', ', ', '[ ', ' ]', 'e', '\\', 'word ', '\n\n'), {
    maxLength: 60,
  })
  .map((parts) => parts.join(''))

test('what is written as YAML is read back, texts of numbers too, and long lists on few lines', () => {
  const value = fc.record({
    name: numeric,
    note: numeric,
    values: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }).map((at) => at + 0)),
    pairs: fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 3 })),
    list: fc.array(fc.oneof(numeric, fc.integer())),
  })
  fc.assert(
    fc.property(value, (held) => {
      expect(parseYaml(formatYaml(held, ['values', 'pairs']), 'x')).toEqual(held)
    }),
    { numRuns: 300 },
  )
  const many = formatYaml({ values: Array.from({ length: 200 }, (_, at) => at) }, ['values'])
  expect(many.split('\n').length).toBeLessThan(15)
})
