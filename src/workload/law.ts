/** Laws that sizes and pauses can follow, and how to draw from them. Pure. */
import {
  randomExponential,
  randomGamma,
  randomLogNormal,
  randomNormal,
  randomPareto,
  randomPoisson,
  randomUniform,
  randomWeibull,
} from 'd3-random'
import { TraceError } from '../base/errors.ts'
import { Fields } from './config-fields.ts'

type Shape =
  | Readonly<{ law: 'fixed'; value: number }>
  | Readonly<{ law: 'uniform'; from: number; to: number }>
  | Readonly<{ law: 'normal'; mean: number; sd: number }>
  /** Mean and sd of the numbers themselves, not of their logarithms; `shift` is added to each. */
  | Readonly<{ law: 'lognormal'; mean: number; sd: number; shift: number }>
  /** Azzalini's: `at` and `scale` are of the normal law that `skew` bends, not mean and sd. */
  | Readonly<{ law: 'skewnormal'; at: number; scale: number; skew: number }>
  | Readonly<{ law: 'gamma'; mean: number; cv: number }>
  | Readonly<{ law: 'weibull'; shape: number; scale: number }>
  | Readonly<{ law: 'pareto'; least: number; alpha: number }>
  | Readonly<{ law: 'exponential' | 'poisson'; mean: number }>
  | Readonly<{ law: 'empirical'; values: readonly number[]; weights: readonly number[] }>
  | Readonly<{ law: 'mixture'; parts: readonly Readonly<{ weight: number; of: Law }>[] }>

/** What is drawn is clipped to [min, max]. */
export type Law = Shape & Readonly<{ min: number; max: number }>

export type Uniform = () => number

/**
 * A number stands for itself; else a mapping with `law` and its parameters.
 *
 * @throws TraceError BAD_OPTION naming the place
 */
export function parseLaw(value: unknown, where: string): Law {
  if (typeof value === 'number') return fixedLaw(value)
  const fields = new Fields(value, where)
  const shape = parseShape(fields)
  const min = fields.number('min', -Number.MAX_VALUE)
  const max = fields.number('max', Number.MAX_VALUE)
  if (min > max) throw fields.fault('min', 'is above max')
  fields.done()
  return { ...shape, min, max }
}

export function fixedLaw(value: number): Law {
  return { law: 'fixed', value, min: -Number.MAX_VALUE, max: Number.MAX_VALUE }
}

const PARSERS: Readonly<Record<string, (fields: Fields) => Shape>> = {
  fixed: (fields) => ({ law: 'fixed', value: fields.number('value', undefined, 0) }),
  uniform: (fields) => ({ law: 'uniform', from: fields.number('from'), to: fields.number('to') }),
  normal: (fields) => ({
    law: 'normal',
    mean: fields.number('mean', undefined, 0),
    sd: fields.number('sd', undefined, 0),
  }),
  lognormal: parseLogNormal,
  skewnormal: (fields) => ({
    law: 'skewnormal',
    at: fields.number('at'),
    scale: fields.number('scale', undefined, 0),
    skew: fields.number('skew'),
  }),
  gamma: (fields) => ({ law: 'gamma', mean: positive(fields, 'mean'), cv: positive(fields, 'cv') }),
  weibull: (fields) => ({
    law: 'weibull',
    shape: positive(fields, 'shape'),
    scale: positive(fields, 'scale'),
  }),
  pareto: (fields) => ({
    law: 'pareto',
    least: positive(fields, 'least'),
    alpha: positive(fields, 'alpha'),
  }),
  exponential: (fields) => ({ law: 'exponential', mean: positive(fields, 'mean') }),
  poisson: (fields) => ({ law: 'poisson', mean: positive(fields, 'mean') }),
  empirical: parseEmpirical,
  mixture: parseMixture,
}

export const LAW_NAMES = Object.keys(PARSERS)

function parseShape(fields: Fields): Shape {
  const name = fields.text('law')
  const parser = Object.hasOwn(PARSERS, name) ? PARSERS[name] : undefined
  if (parser === undefined) throw fields.fault('law', `wants one of ${LAW_NAMES.join(', ')}`)
  return parser(fields)
}

function positive(fields: Fields, key: string): number {
  const value = fields.number(key)
  if (value > 0) return value
  throw fields.fault(key, 'wants a number above 0')
}

/** Given by mean and sd, or by median (p50) and the sd of the logarithms (sigma). */
function parseLogNormal(fields: Fields): Shape {
  if (!fields.has('p50')) {
    return {
      law: 'lognormal',
      mean: positive(fields, 'mean'),
      sd: fields.number('sd', undefined, 0),
      shift: 0,
    }
  }
  const sigma = fields.number('sigma', undefined, 0)
  const mean = positive(fields, 'p50') * Math.exp((sigma * sigma) / 2)
  return { law: 'lognormal', mean, sd: mean * Math.sqrt(Math.expm1(sigma * sigma)), shift: 0 }
}

function parseEmpirical(fields: Fields): Shape {
  const values = fields.list('values').map(Number)
  const weights = fields.has('weights') ? fields.list('weights').map(Number) : values.map(() => 1)
  const isGood =
    values.length > 0 &&
    weights.length === values.length &&
    values.every(Number.isFinite) &&
    weights.every((weight) => weight >= 0) &&
    weights.some((weight) => weight > 0)
  if (!isGood) throw fields.fault('values', 'wants numbers, and as many weights from 0 on')
  return { law: 'empirical', values, weights }
}

function parseMixture(fields: Fields): Shape {
  const parts = fields.list('parts').map((part, index) => {
    const place = `${fields.where}: parts ${index + 1}`
    const { weight, ...of } = (part ?? {}) as Record<string, unknown>
    if (typeof weight !== 'number' || !(weight > 0)) {
      throw new TraceError('BAD_OPTION', `${place}: weight wants a number above 0`)
    }
    return { weight, of: parseLaw(of, place) }
  })
  if (parts.length === 0) throw fields.fault('parts', 'wants at least one law with a weight')
  return { law: 'mixture', parts }
}

/** Draws one number after the other. */
export function sampler(law: Law, uniform: Uniform): () => number {
  const draw = drawer(law, uniform)
  return () => Math.min(law.max, Math.max(law.min, draw()))
}

function drawer(law: Law, uniform: Uniform): () => number {
  switch (law.law) {
    case 'fixed':
      return () => law.value
    case 'uniform':
      return randomUniform.source(uniform)(law.from, law.to)
    case 'normal':
      return randomNormal.source(uniform)(law.mean, law.sd)
    case 'skewnormal': {
      const normal = randomNormal.source(uniform)()
      const bend = law.skew / Math.hypot(1, law.skew)
      const rest = Math.sqrt(1 - bend * bend)
      return () => law.at + law.scale * (bend * Math.abs(normal()) + rest * normal())
    }
    case 'lognormal': {
      const variance = Math.log1p((law.sd / law.mean) ** 2)
      const draw = randomLogNormal.source(uniform)(
        Math.log(law.mean) - variance / 2,
        Math.sqrt(variance),
      )
      return () => draw() + law.shift
    }
    case 'gamma': {
      const shape = 1 / law.cv ** 2
      return randomGamma.source(uniform)(shape, law.mean / shape)
    }
    case 'weibull':
      return randomWeibull.source(uniform)(law.shape, 0, law.scale)
    case 'pareto': {
      const draw = randomPareto.source(uniform)(law.alpha)
      return () => law.least * draw()
    }
    case 'exponential':
      return randomExponential.source(uniform)(1 / law.mean)
    case 'poisson':
      return randomPoisson.source(uniform)(law.mean)
    case 'empirical': {
      const pick = picker(law.weights, uniform)
      return () => law.values[pick()]!
    }
    case 'mixture':
    default: {
      const pick = picker(
        law.parts.map(({ weight }) => weight),
        uniform,
      )
      const draws = law.parts.map(({ of }) => sampler(of, uniform))
      return () => draws[pick()]!()
    }
  }
}

/** Draws an index with a probability in proportion to its weight. */
export function picker(weights: readonly number[], uniform: Uniform): () => number {
  const ends = new Float64Array(weights.length)
  let total = 0
  for (const [index, weight] of weights.entries()) {
    total += weight
    ends[index] = total
  }
  return () => {
    const wanted = uniform() * total
    let low = 0
    let high = ends.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (ends[middle]! > wanted) high = middle
      else low = middle + 1
    }
    return low
  }
}
