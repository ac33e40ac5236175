import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseAnomaly } from '../../src/workload/anomaly.ts'
import {
  driftFactor,
  driftFactorFor,
  driftWeight,
  onsetsUs,
  parseDrift,
} from '../../src/workload/drift.ts'

const drift = (text: string) => parseDrift('--drift', text)
const MIN = 60_000_000

test('a change is written as target, factor and times', () => {
  expect(drift('input=x1.5 at 10m over 5m')).toEqual({
    target: { what: 'input' },
    factor: 1.5,
    atUs: 10 * MIN,
    overUs: 5 * MIN,
    isGradual: false,
    everyUs: null,
    forUs: null,
    text: 'input=x1.5 at 10m over 5m',
  })
  expect(drift('rate:users=x2').target).toEqual({ what: 'rate', by: 'users' })
  expect(drift('mix:model:org/a=b:1=x0 at 1s').target).toEqual({
    what: 'mix',
    of: 'model',
    name: 'org/a=b:1',
  })
})

test.each([
  'input',
  'input=1.5',
  'speed=x2',
  'input=x0',
  'rate=x0 at 1s',
  'prefix=x2',
  'input=x2 at',
  'input=x2 at soon',
  'input=x2 when 3s',
  'input=x2 gradual',
  'input=x2 at 1s over 3m every 4m',
  'input=x2 every 4m for 4m',
  'input=x2 every 0',
])('%s is refused with a sentence', (text) => {
  expect(() => drift(text)).toThrow(/--drift/)
})

test('a sudden change is whole from its instant on', () => {
  const sudden = drift('output=x3 at 10s')
  expect([9_999_999, 10_000_000].map((atUs) => driftFactor(sudden, atUs))).toEqual([1, 3])
})

test('an incremental change is a straight line', () => {
  const slow = drift('output=x3 at 10s over 10s')
  expect([0, 10, 15, 20, 99].map((sec) => driftFactor(slow, sec * 1e6))).toEqual([1, 1, 2, 3, 3])
})

test('a gradual change gives each request all or nothing, with the weight of a sigmoid', () => {
  const mixed = drift('output=x3 at 10s over 10s gradual')
  expect(driftWeight(mixed, 15e6)).toBe(0.5)
  expect(driftWeight(mixed, 20e6)).toBe(1 / (1 + Math.exp(-2)))
  expect(driftFactorFor(mixed, 15e6, 0.49)).toBe(3)
  expect(driftFactorFor(mixed, 15e6, 0.51)).toBe(1)
})

test('a recurring change comes and goes, half of the time unless told otherwise', () => {
  const seconds = (text: string) =>
    [0, 5, 9, 10, 14, 15, 19, 20, 25].map((sec) => driftWeight(drift(text), sec * 1e6))
  expect(seconds('input=x2 at 5s every 10s')).toEqual([0, 1, 1, 0, 0, 1, 1, 0, 1])
  expect(seconds('input=x2 at 5s every 10s for 2s')).toEqual([0, 1, 0, 0, 0, 1, 0, 0, 1])
  expect(seconds('input=x2 at 5s for 6s')).toEqual([0, 1, 1, 1, 0, 0, 0, 0, 0])
  expect(onsetsUs(drift('input=x2 at 5s every 10s'), 26e6)).toEqual([5e6, 15e6, 25e6])
})

test('the weight of any change stays between 0 and 1', () => {
  const shapes = ['', ' over 3s', ' over 3s gradual', ' every 9s', ' over 2s every 9s', ' for 4s']
  fc.assert(
    fc.property(fc.constantFrom(...shapes), fc.nat(60_000_000), (shape, atUs) => {
      const weight = driftWeight(drift(`input=x2 at 7s${shape}`), atUs)
      expect(weight).toBeGreaterThanOrEqual(0)
      expect(weight).toBeLessThanOrEqual(1)
    }),
  )
})

test('a tenant or a model may have spaces and signs in its name', () => {
  expect(parseDrift('--drift', 'mix:model:my=x model=x2 at 1m')).toMatchObject({
    target: { what: 'mix', of: 'model', name: 'my=x model' },
    factor: 2,
    atUs: 60_000_000,
  })
  expect(parseAnomaly('--anomaly', 'wild:team one=x20 at 1m for 10s').tenant).toBe('team one')
})
