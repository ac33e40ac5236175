/** Which rows of a trace to keep: a window of time and values of a few columns. Pure. */
import { TraceError } from '../base/errors.ts'
import { parseCount, parseDurationUs } from '../base/parse.ts'
import type { Batch } from './table.ts'

/** Columns that rows can be chosen by. */
const CHOOSERS = ['tenant', 'model', 'session', 'endpoint', 'outcome', 'label'] as const
type Chooser = (typeof CHOOSERS)[number]

export type Selection = Readonly<{
  /** From the first request's time on; at or after. */
  fromUs: number
  /** Before; Infinity where there is no end. */
  toUs: number
  /** Rows at most, Infinity where there is no limit. */
  limit: number
  /** A row is kept if it has one of the values, for each column that is named. */
  chosen: ReadonlyMap<Chooser, ReadonlySet<string>>
}>

export const SELECTION_FLAGS = {
  from: {
    flags: '--from <duration>',
    description: 'from so long after the first request on',
    default: '0s',
  },
  to: { flags: '--to <duration>', description: 'up to so long after the first request' },
  limit: { flags: '--limit <count>', description: 'so many rows at most' },
  tenant: {
    flags: '--tenant <id>',
    description: 'rows of this tenant',
    isRepeatable: true,
  },
  model: { flags: '--model <name>', description: 'rows for this model', isRepeatable: true },
  session: { flags: '--session <id>', description: 'rows of this session', isRepeatable: true },
  endpoint: {
    flags: '--endpoint <name>',
    description: 'rows of this endpoint, e.g. chat',
    isRepeatable: true,
  },
  outcome: {
    flags: '--outcome <name>',
    description: 'rows that ended so, e.g. ok',
    isRepeatable: true,
  },
  label: { flags: '--label <text>', description: 'rows with this label', isRepeatable: true },
} as const

export type RawSelection = Partial<Record<'from' | 'to' | 'limit', string>> &
  Partial<Record<Chooser, string[]>>

/** @throws TraceError BAD_OPTION, naming the first flag that is wrong */
export function parseSelection(raw: RawSelection): Selection {
  const fromUs = parseDurationUs('--from', raw.from ?? SELECTION_FLAGS.from.default)
  const toUs = raw.to === undefined ? Infinity : parseDurationUs('--to', raw.to)
  if (toUs <= fromUs) throw new TraceError('BAD_OPTION', '--to should be later than --from')
  const limit = raw.limit === undefined ? Infinity : parseCount('--limit', raw.limit, 1)
  const chosen = new Map<Chooser, Set<string>>()
  for (const key of CHOOSERS) {
    const values = raw[key]
    if (values !== undefined) chosen.set(key, new Set(values))
  }
  return { fromUs, toUs, limit, chosen }
}

/**
 * @param originUs at_us of the trace's first request
 * @returns places of the rows to keep
 */
export function selectedRows(batch: Batch, selection: Selection, originUs: number): number[] {
  const atUs = batch.columns['atUs'] as Float64Array
  const places: number[] = []
  for (let row = 0; row < batch.rowCount; row += 1) {
    const sinceUs = (atUs[row] ?? 0) - originUs
    if (sinceUs < selection.fromUs || sinceUs >= selection.toUs) continue
    let isKept = true
    for (const [key, values] of selection.chosen) {
      isKept &&= values.has((batch.columns[key]?.[row] ?? '') as string)
    }
    if (isKept) places.push(row)
  }
  return places
}

/** As the header keeps it, for the list of transforms. */
export function describeSelection(selection: Selection): Record<string, unknown> {
  const { fromUs, toUs, limit, chosen } = selection
  return {
    from_us: fromUs,
    ...(toUs === Infinity ? {} : { to_us: toUs }),
    ...(limit === Infinity ? {} : { limit }),
    ...Object.fromEntries([...chosen].map(([key, values]) => [key, [...values]])),
  }
}
