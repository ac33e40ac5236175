import { expect, test } from 'vitest'
import { sequenceFor } from '../../src/base/random.ts'
import { estimateQuantiles } from '../../src/stats/quantile-estimate.ts'

const draw = sequenceFor('1', 'quantile estimate test')

/** AR(1) with unit variance. */
function series(n: number, rho: number): Float64Array {
  const noise = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
  const values = new Float64Array(n)
  let value = noise()
  for (let index = 0; index < n; index += 1) {
    values[index] = value
    value = rho * value + Math.sqrt(1 - rho * rho) * noise()
  }
  return values
}

/** Times in an M/M/1 queue, begun in its steady state: exponential with rate 1 − load. */
function queue(n: number, load: number): Float64Array {
  const exponential = () => -Math.log(1 - draw())
  let waiting = draw() < 1 - load ? 0 : exponential() / (1 - load)
  return Float64Array.from({ length: n }, () => {
    const time = waiting + exponential()
    waiting = Math.max(0, time - exponential() / load)
    return time
  })
}

test('independent values get the exact interval', () => {
  const { effectiveCount, quantiles } = estimateQuantiles(series(2_000, 0), [0.5, 0.99])
  expect(effectiveCount).toBe(2_000)
  expect(quantiles.map((found) => found?.interval?.method)).toEqual(['order', 'order'])
})

test('values that depend on their neighbours get a wider one, from blocks', () => {
  const [independent, dependent] = [0, 0.9].map((rho) =>
    estimateQuantiles(series(4_000, rho), [0.5]),
  )
  const width = (estimate = independent!) => {
    const { low, high } = estimate.quantiles[0]!.interval!
    return high - low
  }
  expect(dependent!.quantiles[0]!.interval!.method).toBe('block-bootstrap')
  expect(dependent!.effectiveCount).toBeLessThan(400)
  expect(width(dependent)).toBeGreaterThan(2 * width(independent))
})

test('a queue that is nearly full is asked for more before its tail is said, and its middle is covered', () => {
  let [said, missed] = [0, 0]
  for (let run = 0; run < 60; run += 1) {
    const [middle, tail] = estimateQuantiles(queue(1_000, 0.9), [0.5, 0.95]).quantiles
    expect(tail).toMatchObject({ interval: null })
    if (!middle?.interval) continue
    said += 1
    const truth = Math.log(2) / (1 - 0.9)
    if (middle.interval.low > truth || middle.interval.high < truth) missed += 1
  }
  expect(said).toBeGreaterThan(6)
  expect(missed / said).toBeLessThan(0.2)
})

test('a queue with room answers for its middle, and covers it', () => {
  const truth = Math.log(2) / (1 - 0.7)
  const runs = Array.from({ length: 40 }, () => {
    const interval = estimateQuantiles(queue(1_000, 0.7), [0.5]).quantiles[0]?.interval
    return {
      isSaid: !!interval,
      isMissed: !!interval && !(interval.low <= truth && truth <= interval.high),
    }
  })
  expect(runs.filter(({ isSaid }) => isSaid).length).toBeGreaterThanOrEqual(35)
  expect(runs.filter(({ isMissed }) => isMissed).length).toBeLessThanOrEqual(4)
})

test('a run that is one long excursion says its value but not how sure it is', () => {
  const { quantiles } = estimateQuantiles(series(400, 0.995), [0.5])
  expect(quantiles[0]).toMatchObject({ interval: null })
})

test('too few values say nothing at all', () => {
  expect(estimateQuantiles(series(71, 0), [0.95]).quantiles).toEqual([null])
  expect(estimateQuantiles(new Float64Array(), [0.5]).quantiles).toEqual([null])
})
