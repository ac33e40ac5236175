import fc from 'fast-check'
import { expect, test } from 'vitest'
import { drawFor } from '../../src/base/random.ts'
import { parseJitter, shake, type Jitter } from '../../src/workload/jitter.ts'
import { describe } from '../../src/stats/moments.ts'

const draw = drawFor('7', 'jitter', 'source')

function rowsAt(instants: ArrayLike<number>, copy = 0) {
  const dueUs = Float64Array.from(instants)
  return {
    dueUs,
    seq: Uint32Array.from(dueUs, (_, row) => row),
    copy: new Uint16Array(dueUs.length).fill(copy),
  }
}

test('a width and a shape are parsed, uniform by default', () => {
  expect(parseJitter('--jitter', '20ms')).toEqual({ widthUs: 20_000, shape: 'uniform' })
  expect(parseJitter('--jitter', '1s:normal')).toEqual({ widthUs: 1e6, shape: 'normal' })
  expect(() => parseJitter('--jitter', '20')).toThrow('--jitter wants a duration')
  expect(() => parseJitter('--jitter', '20ms:round')).toThrow('--jitter wants one of')
  expect(() => parseJitter('--jitter', '20ms:normal:2')).toThrow('--jitter wants')
})

test('no width changes no bit', () => {
  const rows = rowsAt([3, 1, 2])
  expect(shake(rows, { widthUs: 0, shape: 'normal' }, draw)).toBe(rows.dueUs)
})

test('the published vectors hold on any machine', () => {
  const rows = rowsAt([1e6, 2e6, 3e6, 4e6])
  const shaken = (shape: Jitter['shape']) => [...shake(rows, { widthUs: 20_000, shape }, draw)]
  expect({
    uniform: shaken('uniform'),
    normal: shaken('normal'),
    exponential: shaken('exponential'),
  }).toMatchInlineSnapshot(`
    {
      "exponential": [
        1002386,
        2037018,
        3001322,
        4008096,
      ],
      "normal": [
        1009046,
        1971442,
        2996930,
        4003398,
      ],
      "uniform": [
        984498,
        2013716,
        2982558,
        3993316,
      ],
    }
  `)
})

test('a row moves alike whoever its neighbours are', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1e9), { minLength: 2, maxLength: 40 }), (instants) => {
      const rows = rowsAt(instants)
      const whole = shake(rows, { widthUs: 5e4, shape: 'normal' }, draw)
      const last = instants.length - 1
      const alone = {
        dueUs: rows.dueUs.slice(last),
        seq: rows.seq.slice(last),
        copy: rows.copy.slice(last),
      }
      expect(shake(alone, { widthUs: 5e4, shape: 'normal' }, draw)[0]).toBe(whole[last])
    }),
  )
})

test('shifts have the spread that the shape says, and none goes below 0', () => {
  const rows = rowsAt(new Float64Array(200_000).fill(1e9))
  const shiftOf = (shape: Jitter['shape']) =>
    describe(shake(rows, { widthUs: 10_000, shape }, draw).map((atUs) => atUs - 1e9))
  const uniform = shiftOf('uniform')
  expect(uniform.min).toBeGreaterThanOrEqual(-10_000)
  expect(uniform.max).toBeLessThanOrEqual(10_000)
  expect(Math.abs(uniform.sd - 10_000 / Math.sqrt(3))).toBeLessThan(50)
  expect(Math.abs(shiftOf('normal').sd - 10_000)).toBeLessThan(100)
  const exponential = shiftOf('exponential')
  expect(exponential.min).toBeGreaterThanOrEqual(0)
  expect(Math.abs(exponential.mean - 10_000)).toBeLessThan(100)
  expect(Math.min(...shake(rowsAt([0, 0, 0, 5]), { widthUs: 1e6, shape: 'normal' }, draw))).toBe(0)
})
