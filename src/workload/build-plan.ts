/** A trace and options become the plan of a replay: which request, when, how large. */
import { TraceError } from '../base/errors.ts'
import { drawFor } from '../base/random.ts'
import type { TraceReader } from '../trace/trace.ts'
import { keepReached, loadBlocks } from './block-table.ts'
import { driftEvents } from './drift-events.ts'
import { fillSizes } from './fill-sizes.ts'
import { loadRows } from './load-rows.ts'
import type { WorkloadOptions } from './options.ts'
import type { Plan, PlanBlocks, PlanColumns, PlanStep } from './plan.ts'
import { PlanDraft } from './plan-draft.ts'
import { scheduleDigest } from './schedule-digest.ts'

export type PlanContext = Readonly<{
  /** Where the trace lies, for the result's header. */
  path?: string
  /** Called after each transform. Columns stand in source order, and their memory is used again. */
  onStep?: (step: PlanStep, columns: PlanColumns, blocks: PlanBlocks) => void
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
  const digest = reader.header.rowDigest
  const drawOf = (purpose: string) => drawFor(options.seed, purpose, digest ?? '')
  const table = await loadBlocks(reader)
  const source = await loadRows(reader, options, table.indexOf, neededRows(options))
  if (source.columns.dueUs.length === 0) throw emptyWindow(options, source.skipped)
  fillSizes(source.columns, source.shapes, source.ratios, drawOf('sizes'))

  const draft = new PlanDraft(source, table.blocks, options, drawOf, context.onStep)
  draft.window()
  draft.speed()
  draft.rateDrift()
  draft.sizeDrift()
  draft.jitter()
  draft.sessionOrder()
  const columns = draft.finish()
  const blocks = keepReached(draft.blocks, columns.leaf)
  return {
    count: columns.dueUs.length,
    columns,
    shapes: source.shapes,
    sessions: source.sessions,
    blocks,
    spanUs: columns.dueUs.at(-1)!,
    sha256: scheduleDigest(columns, blocks, source.shapes, source.sessions),
    seed: options.seed,
    steps: draft.steps,
    events: driftEvents(options.drifts, draft.writtenSpanUs, draft.sentClock),
    skipped: source.skipped,
    source: {
      rowDigest: digest,
      path: context.path ?? '',
      addressHash: reader.header.server.addressHash,
      addressSalt: reader.header.server.addressSalt,
    },
  }
}

/** With no transform that changes who comes first, rows after the limit need not be read. */
function neededRows({ limit, jitter }: WorkloadOptions): number | undefined {
  return limit !== null && jitter.widthUs === 0 ? limit : undefined
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
