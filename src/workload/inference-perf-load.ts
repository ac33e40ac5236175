/** The `load` part of an inference-perf file: which process runs when. Pure. */
import { TraceError } from '../base/errors.ts'
import type { ArrivalProcess } from './arrival-process.ts'
import { Fields } from './config-fields.ts'
import type { PerfReading } from './inference-perf.ts'

type PerfProcess =
  | Readonly<{ process: 'poisson' | 'constant' | 'conditioned' | 'by second'; rate: number }>
  | Extract<ArrivalProcess, { process: 'at once' }>

export type PerfLoad = Readonly<{
  stages: readonly Readonly<{ startUs: number; durationUs: number; arrivals: PerfProcess }>[]
  horizonUs: number
}>

/** The last seconds' "poisson" of that tool may run over, until its count is full. */
const OVERTIME_US = 60_000_000

/** @param saturationPerSec requests a second at which a sweep ends; null: not said */
export function perfStages(
  load: Fields,
  {
    reading,
    saturationPerSec,
  }: Readonly<{ reading: PerfReading; saturationPerSec: number | null }>,
  notes: string[],
): PerfLoad {
  const type = load.text('type', 'constant')
  const intervalUs = load.number('interval', 1, 0) * 1e6
  const items = load.has('sweep')
    ? sweepStages(load.child('sweep'), saturationPerSec)
    : load.children('stages')
  if (items.length === 0) throw load.fault('stages', 'wants at least one stage')
  if (type === 'constant') notes.push(CONSTANT_NOTES[reading])
  if (type === 'poisson') notes.push(POISSON_NOTES[reading])
  let startUs = 0
  const stages = items.map((fields) => {
    const stage = { startUs, ...parseStage(fields, type, reading, notes) }
    startUs += stage.durationUs + intervalUs
    return stage
  })
  return { stages, horizonUs: startUs + OVERTIME_US }
}

const CONSTANT_NOTES: Readonly<Record<PerfReading, string>> = {
  written: "constant is a steady beat here; inference-perf's is random (--as executed)",
  executed: 'constant: exponential gaps, stretched to end with the stage',
}
const POISSON_NOTES: Readonly<Record<PerfReading, string>> = {
  written: "a Poisson process; inference-perf's ends on each full second (--as executed)",
  executed: 'poisson: a Poisson count for each second, the last of them on the full second',
}

/**
 * That tool measures where a server saturates, then goes there in steps: even ones, or ones that get
 * shorter towards it, 1 + S − geomspace(S, 1).
 */
function sweepStages(sweep: Fields, saturationPerSec: number | null): Fields[] {
  if (saturationPerSec === null) {
    throw new TraceError('BAD_OPTION', `${sweep.where}: a sweep finds its stages on a server`, {
      hint: 'Say how many requests a second it bears: --saturation 40.',
    })
  }
  const kind = sweep.text('type')
  if (kind !== 'linear' && kind !== 'geometric')
    throw sweep.fault('type', 'wants linear or geometric')
  const count = sweep.number('num_stages', 5, 1)
  const duration = sweep.number('stage_duration', 180, 1)
  return Array.from({ length: count }, (_, index) => {
    const way = count === 1 ? 0 : index / (count - 1)
    const rate =
      kind === 'linear'
        ? 1 + (saturationPerSec - 1) * way
        : 1 + saturationPerSec - saturationPerSec ** (1 - way)
    return new Fields({ rate, duration }, `${sweep.where}: stage ${index + 1}`)
  })
}

type Stage = Readonly<{ durationUs: number; arrivals: PerfProcess }>

function parseStage(fields: Fields, type: string, reading: PerfReading, notes: string[]): Stage {
  if (type === 'constant' || type === 'poisson') {
    const rate = fields.number('rate')
    const durationUs = Math.floor(fields.number('duration')) * 1e6
    if (!(rate > 0) || !(durationUs > 0))
      throw fields.fault('rate', 'and duration want more than 0')
    const asExecuted = type === 'constant' ? 'conditioned' : 'by second'
    const arrivals: PerfProcess = { process: reading === 'executed' ? asExecuted : type, rate }
    return { durationUs, arrivals }
  }
  if (type === 'concurrent') {
    const level = fields.number('concurrency_level', undefined, 1)
    notes.push(`concurrent is a closed loop: replay with --mode closed=${level}`)
    return {
      durationUs: 1e6,
      arrivals: { process: 'at once', count: fields.number('num_requests', undefined, 1) },
    }
  }
  if (type === 'trace_session_replay') return parseSessions(fields, notes)
  if (type !== 'trace_replay') {
    const known = 'constant, poisson, concurrent, trace_replay and trace_session_replay'
    throw new TraceError('BAD_OPTION', `${fields.where}: load.type '${type}' is not known`, {
      hint: `There are ${known}.`,
    })
  }
  throw new TraceError('BAD_OPTION', `${fields.where}: load.type ${type} replays a data set`, {
    hint: '`trace convert DATASET FILE.arrow`, then `trace replay FILE.arrow`.',
  })
}

function parseSessions(fields: Fields, notes: string[]): Stage {
  const sessions = fields.number('concurrent_sessions', undefined, 0)
  const total = fields.number('num_sessions', Math.max(1, sessions), 1)
  if (fields.has('session_rate')) {
    const rate = fields.number('session_rate')
    return { durationUs: Math.ceil((total / rate) * 1e6), arrivals: { process: 'constant', rate } }
  }
  notes.push(`sessions run in a closed loop: replay with --mode closed=${Math.max(1, sessions)}`)
  return { durationUs: 1e6, arrivals: { process: 'at once', count: total } }
}
