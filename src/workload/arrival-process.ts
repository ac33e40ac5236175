/** Processes by which clients come, from a steady beat to bursts of bursts. Pure. */
import { randomExponential, randomGamma, randomPoisson, randomWeibull } from 'd3-random'
import { TraceError } from '../base/errors.ts'
import { logGamma } from '../stats/special.ts'
import { Fields } from './config-fields.ts'
import type { Uniform } from './law.ts'

/** Rates are per second. */
export type ArrivalProcess =
  | Readonly<{ process: 'poisson' | 'constant'; rate: number }>
  /** Independent gaps; cv above 1 is burstier than Poisson. */
  | Readonly<{ process: 'gamma'; rate: number; cv: number }>
  | Readonly<{ process: 'weibull'; rate: number; shape: number }>
  /** A Poisson process whose rate jumps between states, each kept for an exponential time. */
  | Readonly<{ process: 'mmpp'; states: readonly Readonly<{ rate: number; staySec: number }>[] }>
  | Readonly<{ process: 'onoff'; rate: number; onSec: number; offSec: number }>
  /** So many at the start. */
  | Readonly<{ process: 'at once'; count: number }>
  /**
   * As inference-perf does it. conditioned, its "constant": exponential gaps stretched so that the
   * last ends with the stage. by second, its "poisson": a Poisson count for each second, the last of
   * them at its end.
   */
  | Readonly<{ process: 'conditioned' | 'by second'; rate: number }>

const PARSERS: Readonly<Record<string, (fields: Fields) => ArrivalProcess>> = {
  poisson: (fields) => ({ process: 'poisson', rate: positive(fields, 'rate') }),
  constant: (fields) => ({ process: 'constant', rate: positive(fields, 'rate') }),
  gamma: (fields) => ({
    process: 'gamma',
    rate: positive(fields, 'rate'),
    cv: positive(fields, 'cv'),
  }),
  weibull: (fields) => ({
    process: 'weibull',
    rate: positive(fields, 'rate'),
    shape: positive(fields, 'shape'),
  }),
  mmpp: (fields) => ({
    process: 'mmpp',
    states: fields.list('states').map((value, index) => {
      const state = new Fields(value, `${fields.where}: states ${index + 1}`)
      const parsed = {
        rate: state.number('rate', undefined, 0),
        staySec: positive(state, 'stay_s'),
      }
      state.done()
      return parsed
    }),
  }),
  onoff: (fields) => ({
    process: 'onoff',
    rate: positive(fields, 'rate'),
    onSec: positive(fields, 'on_s'),
    offSec: positive(fields, 'off_s'),
  }),
  'at once': (fields) => ({ process: 'at once', count: fields.number('count', undefined, 1) }),
}

/** @throws TraceError BAD_OPTION naming the place */
export function parseProcess(fields: Fields): ArrivalProcess {
  const name = fields.text('process')
  const parser = Object.hasOwn(PARSERS, name) ? PARSERS[name] : undefined
  if (parser === undefined) {
    throw fields.fault('process', `wants one of ${Object.keys(PARSERS).join(', ')}`)
  }
  const process = parser(fields)
  if (process.process === 'mmpp' && !process.states.some(({ rate }) => rate > 0)) {
    throw fields.fault('states', 'wants at least one state with a rate above 0')
  }
  return process
}

function positive(fields: Fields, key: string): number {
  const value = fields.number(key)
  if (value > 0) return value
  throw fields.fault(key, 'wants a number above 0')
}

/** More than a plan can hold. */
const MAX_ARRIVALS = 50_000_000

/**
 * @param isAlone false: one of many clients, whose beats are out of phase
 * @returns ascending seconds in [0, durationSec]; 'at once', and a 'constant' alone, begin at 0
 */
export function arrivals(
  process: ArrivalProcess,
  durationSec: number,
  uniform: Uniform,
  isAlone = true,
): number[] {
  switch (process.process) {
    case 'poisson':
      return renewal(randomExponential.source(uniform)(process.rate), durationSec)
    case 'constant': {
      const stepSec = 1 / process.rate
      return isAlone
        ? evenly(Math.floor(process.rate * durationSec), stepSec)
        : renewal(() => stepSec, durationSec, uniform() * stepSec)
    }
    case 'gamma': {
      const shape = 1 / process.cv ** 2
      const gamma = randomGamma.source(uniform)
      const scale = 1 / (process.rate * shape)
      const firstSec = uniform() * gamma(shape + 1, scale)()
      return renewal(gamma(shape, scale), durationSec, firstSec)
    }
    case 'weibull': {
      const { rate, shape } = process
      const scale = 1 / (rate * Math.exp(logGamma(1 + 1 / shape)))
      const firstSec =
        uniform() * scale * randomGamma.source(uniform)(1 + 1 / shape)() ** (1 / shape)
      return renewal(randomWeibull.source(uniform)(shape, 0, scale), durationSec, firstSec)
    }
    case 'mmpp':
      return modulated(process.states, durationSec, uniform)
    case 'onoff': {
      const { rate, onSec, offSec } = process
      const states = [
        { rate, staySec: onSec },
        { rate: 0, staySec: offSec },
      ]
      return modulated(states, durationSec, uniform)
    }
    case 'at once':
      return Array.from({ length: process.count }, () => 0)
    case 'conditioned':
      return conditioned(Math.floor(process.rate * durationSec), durationSec, uniform)
    case 'by second':
    default:
      return bySecond(process.rate, durationSec, uniform)
  }
}

/**
 * Has run for ever when it is looked at: `firstSec` is a uniform part of a gap that is drawn as often
 * as it is long. Begun at an arrival it would bring (cv² − 1)/2 too many, all clients' near the start.
 */
function renewal(gap: () => number, durationSec: number, firstSec = gap()): number[] {
  const instants: number[] = []
  for (let atSec = firstSec; atSec < durationSec; atSec += gap()) push(instants, atSec)
  return instants
}

function push(instants: number[], atSec: number): void {
  if (instants.length >= MAX_ARRIVALS) {
    throw new TraceError('BAD_OPTION', `more than ${MAX_ARRIVALS} arrivals of one client`)
  }
  instants.push(atSec)
}

function evenly(count: number, stepSec: number): number[] {
  return Array.from({ length: count }, (_, index) => index * stepSec)
}

/** Begins in a state drawn by the time that is spent in each; then any other state, alike. */
function modulated(
  states: readonly Readonly<{ rate: number; staySec: number }>[],
  durationSec: number,
  uniform: Uniform,
): number[] {
  const instants: number[] = []
  const exponential = randomExponential.source(uniform)(1)
  let wanted = uniform() * states.reduce((sum, { staySec }) => sum + staySec, 0)
  let current = states.findIndex(({ staySec }) => (wanted -= staySec) < 0)
  if (current < 0) current = 0
  for (let fromSec = 0; fromSec < durationSec;) {
    const { rate, staySec } = states[current]!
    const toSec = Math.min(durationSec, fromSec + exponential() * staySec)
    if (rate > 0) {
      for (
        let atSec = fromSec + exponential() / rate;
        atSec < toSec;
        atSec += exponential() / rate
      ) {
        push(instants, atSec)
      }
    }
    fromSec = toSec
    if (states.length > 1) {
      const step = 1 + Math.floor(uniform() * (states.length - 1))
      current = (current + step) % states.length
    }
  }
  return instants
}

function conditioned(count: number, durationSec: number, uniform: Uniform): number[] {
  const exponential = randomExponential.source(uniform)(1)
  let sum = 0
  const sums = Array.from({ length: count }, () => (sum += exponential()))
  return sums.map((at) => (at / sum) * durationSec)
}

function bySecond(rate: number, durationSec: number, uniform: Uniform): number[] {
  const wanted = Math.floor(rate * durationSec)
  const poisson = randomPoisson.source(uniform)(rate)
  const instants: number[] = []
  for (let second = 0; instants.length < wanted; second += 1) {
    for (const atSec of conditioned(poisson(), 1, uniform)) {
      if (instants.length < wanted) push(instants, second + atSec)
    }
  }
  return instants
}
