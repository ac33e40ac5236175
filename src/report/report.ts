/**
 * A run as plain data: may it be believed, what was measured, what changed against the recording. JSON
 * is this object; text and every other form are made from it. Pure but for the readers.
 */
import type { EventRow, SampleRow } from '../trace/columns.ts'
import type { TraceReader } from '../trace/trace.ts'
import { breachNotes } from './breach-watch.ts'
import { clockNotes } from './clock-notes.ts'
import {
  type Calibration,
  calibrationNote,
  PLACE_QUANTILES,
  type PlaceMetric,
  type PlaceQuantile,
  withoutPlace,
} from './calibration.ts'
import { pairRows, quantileChange, type Change } from './pairing.ts'
import { eventNotes } from './event-notes.ts'
import { type Fluidity, fluidityOf } from './fluidity.ts'
import { profileFigures, type ProfileFigures, type ProfileName } from './metric-profile.ts'
import type { Objective } from './objective.ts'
import { type ProbeFigures, probeFigures } from './probe-check.ts'
import {
  clientFigures,
  deliveryOf,
  type ClientFigures,
  type Delivery,
  type RunFacts,
} from './run-facts.ts'
import { type ServerFigures, serverFigures } from './server-figures.ts'
import type { SideWatch } from './side-watch.ts'
import { type Side, sideOf } from './side.ts'
import { type Stimulus, stimulusOf } from './stimulus.ts'
import { type ReportSeries, seriesOf } from './series.ts'
import { judgeObjectives, type SloResult } from './slo.ts'
import type { TtftParts } from './ttft-parts.ts'
import { judge, type Verdict } from './verdict.ts'
import { explain } from './why.ts'
import { cutSides, keepOf, partNotes, type Window, windowNotes, type WindowWish } from './window.ts'

export const REPORT_VERSION = 1

/** Times in `metrics` are µs; docs/metrics.md defines each. */
export type Report = Readonly<{
  schema_version: number
  run: RunIdentity
  verdict: Verdict
  /** The part that figures are of; the verdict is on the whole run. null: nothing was cut. */
  window: Window | null
  side: Side
  /** Of its requests those that this run sent, each once; `left_out` counts the others. */
  recorded: Readonly<{ run: RunIdentity; side: Side; left_out: number }> | null
  stimulus: Stimulus | null
  changes: readonly ChangeRow[]
  delivery: Delivery | null
  client: ClientFigures
  server: ServerFigures | null
  /** Where each request's TTFT went; null where the server tells no times of single requests. */
  ttft_parts: TtftParts | null
  /** What an independent prober saw; its requests are none of the run's rows. */
  probe: ProbeFigures | null
  why: readonly string[]
  notes: readonly string[]
  slo: SloResult | null
  fluidity: Fluidity | null
  /** The same run by another tool's formulas. */
  profile: ProfileFigures | null
  /** What the pictures are drawn from. */
  series: ReportSeries
  recorded_series: ReportSeries | null
}>

export type ReportOptions = Readonly<{
  objectives: readonly Objective[]
  profile: ProfileName | null
  /** What the place of measurement costs; null: changes are only observed. */
  calibration?: Calibration | null
  /** Warm-up and drain to leave out; null: none. */
  window?: WindowWish | null
}>

export type RunIdentity = Readonly<{
  kind: 'recorded' | 'imported' | 'synthetic' | 'replayed'
  producer: string
  is_complete: boolean
  interrupted: boolean
  row_digest: string | null
  plan_sha256: string | null
  /** Digest of the trace that a replay is of. */
  source: string | null
  seed: string | null
  transforms: readonly Readonly<{ name: string; arguments: Readonly<Record<string, unknown>> }>[]
  server: Readonly<{ software: string | null; version: string | null; fingerprint: string | null }>
}>

export type ChangeRow = Readonly<
  {
    metric: PlaceMetric
    quantile: PlaceQuantile
    /** The change without what the place of measurement costs; null where that is not known. */
    calibrated: Readonly<{ change: number; low: number; high: number }> | null
  } & Change
>

const CHANGED = [
  { metric: 'ttft_due', column: 'ttftDue' },
  { metric: 'tpot', column: 'tpot' },
  { metric: 'e2e_due', column: 'e2eDue' },
] as const

/** @param against the recording that `run` replays, or any other run; null for none */
export async function buildReport(
  run: TraceReader,
  against: TraceReader | null,
  options: ReportOptions = { objectives: [], profile: null },
): Promise<Report> {
  const { objectives, profile, calibration = null } = options
  const { whole, counted: watch, other, window } = await cutSides(run, against, options.window)
  const side = sideOf(watch)
  const samples: SampleRow[] = []
  for await (const batch of run.samples()) for (const sample of batch) samples.push(sample)
  const events = await run.events()
  const facts = factsOf(run, whole, whole === watch ? side : sideOf(whole), samples, events)
  return {
    schema_version: REPORT_VERSION,
    run: identityOf(run),
    verdict: judge(facts),
    window,
    side,
    recorded: against &&
      other && { run: identityOf(against), side: sideOf(other), left_out: other.leftOutCount },
    ...compared(other, watch, calibrationFor(run, against, calibration)),
    delivery: facts.delivery,
    client: facts.client,
    server: facts.server,
    ttft_parts: facts.ttftParts,
    probe: facts.probe,
    why: explain(facts),
    notes: [
      ...windowNotes(window),
      ...partNotes(other),
      ...breachNotes(events),
      ...clockNotes(events),
      ...eventNotes(watch),
      ...notesOf(run, against, calibration),
    ],
    slo: objectives.length === 0 ? null : judgeObjectives(objectives, side, watch),
    fluidity: await fluidityOf(run, objectives, keepOf(window)),
    series: seriesOf(watch, samples, events),
    recorded_series: other && seriesOf(other, [], []),
    profile: profile && (await profileFigures(run, profile, keepOf(window))),
  }
}

/** Whether to believe a run is asked of all of it, whatever is cut from its figures. */
function factsOf(
  run: TraceReader,
  watch: SideWatch,
  side: Side,
  samples: readonly SampleRow[],
  events: readonly EventRow[],
): RunFacts {
  return {
    kind: run.header.kind,
    isComplete: run.isComplete,
    interrupted: run.header.interrupted,
    side,
    watch,
    delivery: deliveryOf(events),
    client: clientFigures(samples),
    server: serverFigures(samples),
    ttftParts: watch.ttftParts.parts(side.metrics.ttft?.n ?? 0),
    probe: probeFigures(samples, watch),
  }
}

function compared(
  recorded: SideWatch | null,
  replayed: SideWatch,
  calibration: Calibration | null,
): Pick<Report, 'stimulus' | 'changes'> {
  if (recorded === null) return { stimulus: null, changes: [] }
  const pairs = pairRows(recorded, replayed)
  const changes = CHANGED.flatMap(({ metric, column }) =>
    Object.entries(PLACE_QUANTILES).flatMap(([name, q]) => {
      const change = quantileChange(recorded, replayed, pairs, column, q)
      if (change === null) return []
      const quantile = name as PlaceQuantile
      const cost = calibration?.place[metric][quantile] ?? null
      return [{ metric, quantile, ...change, calibrated: withoutPlace(change, cost) }]
    }),
  )
  return { stimulus: stimulusOf(recorded, replayed, pairs), changes }
}

function identityOf({ header, isComplete }: TraceReader): RunIdentity {
  return {
    kind: header.kind,
    producer: `${header.producer} ${header.producerVersion}`,
    is_complete: isComplete,
    interrupted: header.interrupted,
    row_digest: header.rowDigest,
    plan_sha256: header.planSha256,
    source: header.labels['source'] || null,
    seed: header.seed,
    transforms: header.transforms,
    server: {
      software: header.server.software,
      version: header.server.version,
      fingerprint: header.server.fingerprint,
    },
  }
}

/** A calibration holds between a relay and a client of the same server. */
function calibrationFor(
  run: TraceReader,
  against: TraceReader | null,
  calibration: Calibration | null,
): Calibration | null {
  const isApart = against?.header.kind === 'recorded' && run.header.kind === 'replayed'
  const isSame = calibration?.fingerprint === run.header.server.fingerprint
  return isApart && isSame ? calibration : null
}

function notesOf(
  run: TraceReader,
  against: TraceReader | null,
  given: Calibration | null,
): string[] {
  const notes: string[] = []
  if (against?.header.kind === 'recorded' && run.header.kind === 'replayed') {
    notes.push(
      calibrationFor(run, against, given) === null
        ? 'not calibrated: recorded at the relay, replayed at its client, so changes are "observed"' +
            (given === null ? '' : '; the calibration is of another server')
        : calibrationNote(given!),
    )
  }
  const [a, b] = [against?.header.server.fingerprint, run.header.server.fingerprint]
  if (a && b && a !== b) notes.push(`the two runs met different servers: ${a} and ${b}`)
  return notes
}
