/** A trace and options become the plan of a replay: which request, when, how large. */
import { TraceError } from '../base/errors.ts'
import { readText } from '../base/files.ts'
import { drawFor } from '../base/random.ts'
import { rowDigest } from '../trace/digest.ts'
import type { TraceReader } from '../trace/trace.ts'
import { keepReached, loadBlocks } from './block-table.ts'
import { refuseLate, truthEvents } from './truth-events.ts'
import { fillSizes } from './fill-sizes.ts'
import { loadRows } from './load-rows.ts'
import type { WorkloadOptions } from './options.ts'
import type { Plan, PlanColumns } from './plan.ts'
import { PlanDraft, type OnStep } from './plan-draft.ts'
import { parseRateCurve } from './ramp.ts'
import type { RateCurve } from './rate-warp.ts'
import { changeRows } from './row-steps.ts'
import { scheduleDigest } from './schedule-digest.ts'
import { fitLeaves } from './size-drift.ts'
import { blur, changeSpeed, finish, straightenTimes, takeShard, warpRate } from './time-steps.ts'
import { changeUsers, repeat, scaleUsers } from './user-steps.ts'

export type PlanContext = Readonly<{
  /** Where the trace lies, for the result's header. */
  path?: string
  /** Called after each transform. Columns stand in source order, and their memory is used again. */
  onStep?: OnStep
}>

/**
 * Reads what the window holds and applies the transforms in their fixed order; `plan.steps` lists
 * those that were asked for. A million rows take about a second and 200 bytes each at most.
 *
 * @throws TraceError EMPTY_WINDOW if no row is left to send
 */
export async function buildPlan(
  reader: TraceReader,
  options: WorkloadOptions,
  context: PlanContext = {},
): Promise<Plan> {
  // The folder of a recording has no digest of its own, but plans like the file made from it.
  const digest = reader.header.rowDigest ?? (await rowDigest(reader))
  const drawOf = (purpose: string) => drawFor(options.seed, purpose, digest)
  const table = await loadBlocks(reader)
  const source = await loadRows(reader, options, table.indexAt, neededRows(options))
  if (source.columns.dueUs.length === 0) throw emptyWindow(options, source.skipped)
  fillSizes(source.columns, source.shapes, source.ratios, drawOf('sizes'))

  const draft = new PlanDraft(source, table.blocks, drawOf, context.onStep)
  const { fromUs, toUs } = options
  const leaf = fitLeaves(draft.columns, draft.blocks)
  draft.take('window', { fromUs, toUs, firstUs: source.firstUs }, { leaf })
  straightenTimes(draft, options)
  repeat(draft, options)
  scaleUsers(draft, options)
  changeSpeed(draft, options)
  const changes = [...options.drifts, ...options.anomalies]
  draft.writtenSpanUs = draft.columns.dueUs.reduce((last, atUs) => Math.max(last, atUs), 0)
  refuseLate(changes, draft.writtenSpanUs)
  changeUsers(draft, options)
  if (changes.length > 0) draft.keepWritten()
  warpRate(draft, options, await readCurve(options))
  changeRows(draft, options)
  blur(draft, options)
  finish(draft, options)
  const whole = { blocks: draft.blocks, shapes: source.shapes, sessions: draft.sessions }
  const events = truthEvents(options, draft.writtenSpanUs, draft.sentClock).filter(
    ({ atUs }) => atUs <= endUs(options, draft.columns),
  )
  const sha256 = scheduleDigest(draft.columns, whole, options.mode)
  takeShard(draft, options)
  const { columns } = draft
  return {
    count: columns.dueUs.length,
    columns,
    shapes: source.shapes,
    sessions: draft.sessions,
    blocks: keepReached(draft.blocks, columns.leaf),
    mode: options.mode,
    shard: options.shard,
    spanUs: columns.dueUs.at(-1) ?? 0,
    sha256,
    seed: options.seed,
    steps: draft.steps,
    events,
    skipped: draft.skipped,
    source: {
      rowDigest: digest,
      path: context.path ?? '',
      addressHash: reader.header.server.addressHash,
      addressSalt: reader.header.server.addressSalt,
    },
  }
}

/** With nothing that changes who comes first, rows after the limit need not be read. */
function neededRows({ limit, jitter, isDequantised, rateScale, ...rest }: WorkloadOptions) {
  const isInOrder =
    jitter.widthUs === 0 &&
    !isDequantised &&
    rateScale.factor === 1 &&
    rest.sessionGaps === 'scale' &&
    rest.drifts.length === 0 &&
    rest.anomalies.length === 0 &&
    rest.loop === 1
  return limit !== null && isInOrder ? limit : undefined
}

/** What would begin after a limit has cut the load is not part of it. */
function endUs({ limit, durationUs }: WorkloadOptions, { dueUs }: PlanColumns): number {
  return Math.min(durationUs ?? Infinity, limit === null ? Infinity : (dueUs.at(-1) ?? 0))
}

async function readCurve({ rateCurvePath }: WorkloadOptions): Promise<RateCurve | null> {
  if (rateCurvePath === null) return null
  return parseRateCurve('--rate-curve', await readText('--rate-curve', rateCurvePath))
}

function emptyWindow(
  options: WorkloadOptions,
  skipped: Readonly<Record<string, number>>,
): TraceError {
  const reasons = Object.entries(skipped).map(([reason, count]) => `${count} ${reason}`)
  const window = options.fromUs === null && options.toUs === null ? 'trace' : 'window'
  const left = reasons.length === 0 ? '' : `; left out: ${reasons.join(', ')}`
  return new TraceError('EMPTY_WINDOW', `the ${window} has no request to send${left}`)
}
