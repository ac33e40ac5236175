import { expect, test } from 'vitest'
import { add, counter, labelText, renderFamilies } from '../../src/engine/exposition.ts'

function shownAs(value: number): string | undefined {
  const family = counter('seen_total', 'Seen.')
  add(family, '', value)
  return renderFamilies([family], 0).split('\n')[2]?.split(' ')[1]
}

test('numbers are written as by the Python client', () => {
  expect(
    [0, 10, 0.25, 999_999, 1_000_000, 1_234_567.5, 1.78e9, 2e10, 0.00001].map(shownAs),
  ).toEqual([
    '0.0',
    '10.0',
    '0.25',
    '999999.0',
    '1e+06',
    '1.2345675e+06',
    '1.78e+09',
    '2e+10',
    '1e-05',
  ])
})

test('labels are in the order of their names, with quotes, backslashes and line ends escaped', () => {
  expect(labelText({ b: 'a"b\\c\nd', a: '1' })).toBe('a="1",b="a\\"b\\\\c\\nd"')
})
