/** Fits a model of client classes to a trace, and says how far it is from it. */
import { drawFor } from '../base/random.ts'
import { ksDistance } from '../stats/distance.ts'
import type { TraceReader } from '../trace/trace.ts'
import { buildPlan } from './build-plan.ts'
import { driftWithin } from './drift-watch.ts'
import { arrivalDistance, type ArrivalDistance } from './fit-arrivals.ts'
import { classEntry, type ClassEntry } from './fit-class.ts'
import { plainWorkload } from './options.ts'
import type { Plan } from './plan.ts'
import { SynthBlocks } from './synth-blocks.ts'
import { classRows } from './synth-class.ts'
import { parseSynthModel } from './synth-model.ts'

export type FitResult = Readonly<{
  /** What `trace synth` reads. */
  config: Readonly<{ seed: string; duration: string; classes: readonly ClassEntry[] }>
  requests: Readonly<{ real: number; model: number }>
  arrivals: ArrivalDistance
  inputKs: number
  outputKs: number
  /** In what the model is too far from the trace. */
  faults: readonly string[]
  /** What changes inside the trace for good: no model that stays the same is like all of it. */
  changes: readonly Readonly<{ signal: string; atUs: number }>[]
}>

/** A change of that size stays; smaller ones may be bursts that last. */
const MOVED_PSI = 0.25
/** Classes of their own, the largest; all others are one. */
const MAX_CLASSES = 20

/** @throws TraceError EMPTY_WINDOW if the trace has nothing to fit */
export async function fitTrace(reader: TraceReader): Promise<FitResult> {
  const plan = await buildPlan(reader, { ...plainWorkload(), mode: { kind: 'session' } })
  const found = classesOf(plan)
  const classes = found.map(({ name, rows }) => classEntry(plan, name, rows, found.length))
  const durationSec = Math.max(1, Math.ceil(plan.spanUs / 1e6))
  const config = { seed: '1', duration: `${durationSec}s`, classes }
  const changes = (await driftWithin(reader))
    .filter(({ psi }) => psi >= MOVED_PSI)
    .map(({ signal, atUs }) => ({ signal, atUs: atUs! }))
  return { config, ...judge(plan, config), changes }
}

export function isFit({ faults, changes }: FitResult): boolean {
  return faults.length + changes.length === 0
}

type RowClass = Readonly<{ name: string; rows: number[] }>

/** Rows that differ in tenant, model, endpoint or streaming are different classes. */
function classesOf({ columns, shapes }: Plan): RowClass[] {
  const keys = shapes.map(({ tenant, model, endpoint, isStream }) =>
    JSON.stringify([tenant, model, endpoint, isStream]),
  )
  const classes = new Map<string, number[]>()
  for (const [row, shape] of columns.shape.entries()) {
    const rows = classes.get(keys[shape]!) ?? []
    if (rows.length === 0) classes.set(keys[shape]!, rows)
    rows.push(row)
  }
  const largest = [...classes.values()].toSorted((a, b) => b.length - a.length)
  const rest = largest
    .slice(MAX_CLASSES)
    .flat()
    .toSorted((a, b) => a - b)
  return [
    ...largest.slice(0, MAX_CLASSES).map((rows, index) => ({ name: `class ${index + 1}`, rows })),
    ...(rest.length > 0 ? [{ name: 'rest', rows: rest }] : []),
  ]
}

/** Beyond these the model is not like the trace. */
const LARGEST_KS = 0.2
const LARGEST_RATIO = 2
/** Counts that vary less than this, over their mean, are a beat: all beats are alike. */
const CALM = 0.05

/** Makes the load of the model once, with a seed that no trial used, and compares. */
function judge(plan: Plan, config: FitResult['config']): Omit<FitResult, 'config' | 'changes'> {
  const model = parseSynthModel(config, 'the fit')
  const blocks = new SynthBlocks('judge')
  const rows = model.classes.flatMap((of) => [...classRows(of, 'judge', model.durationUs, blocks)])
  const dueUs = Float64Array.from(rows, ({ atUs }) => atUs).toSorted()
  const arrivals = arrivalDistance(plan.columns.dueUs, dueUs)
  const ks = (real: Uint32Array, sizes: Float64Array) => ksDistance(thinned(real), sizes)
  const inputKs = ks(plan.columns.promptTokens, thinned(rows.map((row) => row.promptTokens)))
  const outputKs = ks(plan.columns.outputTokens, thinned(rows.map((row) => row.maxTokens)))
  const measures = {
    requests: { real: plan.count, model: rows.length },
    arrivals,
    inputKs,
    outputKs,
  }
  return { ...measures, faults: faultsOf(measures) }
}

const MAX_VALUES = 20_000

function thinned(values: ArrayLike<number>): Float64Array {
  const draw = drawFor('1', 'fit sample')
  const count = Math.min(values.length, MAX_VALUES)
  return Float64Array.from({ length: count }, (_, index) =>
    count === values.length ? values[index]! : values[Math.floor(draw(index) * values.length)]!,
  )
}

function faultsOf(
  measures: Pick<FitResult, 'requests' | 'arrivals' | 'inputKs' | 'outputKs'>,
): string[] {
  const { requests, arrivals, inputKs, outputKs } = measures
  return [
    isFar(requests.real, requests.model) && 'the number of requests',
    !(arrivals.gapKs <= LARGEST_KS) && 'the gaps between arrivals',
    ...arrivals.dispersion.map(
      ({ windowUs, real, model }) =>
        isFar(Math.max(real, CALM), Math.max(model, CALM)) && `bursts at ${windowUs / 1e6} s`,
    ),
    !(inputKs <= LARGEST_KS) && 'the lengths of prompts',
    !(outputKs <= LARGEST_KS) && 'the lengths of answers',
  ].filter((fault) => fault !== false)
}

function isFar(real: number, model: number): boolean {
  return !(Math.abs(Math.log(model / real)) <= Math.log(LARGEST_RATIO))
}
