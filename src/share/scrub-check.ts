/** Whether a trace already is what a policy lets out: the gate before sharing. Effects: reads a trace file. */
import {
  fileName,
  REQUEST_COLUMN_NAMES,
  REQUEST_COLUMNS,
  type RequestColumn,
} from '../trace/columns.ts'
import { decodeChunkTimes } from '../trace/chunk-times.ts'
import { openTrace } from '../trace/open.ts'
import type { RequestBatch, TraceReader } from '../trace/trace.ts'
import { OTHER_MODEL, droppedColumns, ROUNDED, scrubJson } from './scrub-rows.ts'
import { roundTime, roundTokens, type ScrubPolicy } from './scrub-policy.ts'
import { SharingCheck } from './sharing-check.ts'

/** One way in which the trace says more than it may. */
export type Violation = Readonly<{ what: string; count: number }>

const KEYED = /^[0-9a-f]{16}$/

/** @throws TraceError TRACE_UNREADABLE */
export async function checkTrace(path: string, policy: ScrubPolicy): Promise<Violation[]> {
  const reader = await openTrace(path)
  try {
    return await violationsOf(reader, policy)
  } finally {
    await reader.close()
  }
}

export async function violationsOf(reader: TraceReader, policy: ScrubPolicy): Promise<Violation[]> {
  const found = new Map<string, number>()
  const add = (what: string, count = 1) => void found.set(what, (found.get(what) ?? 0) + count)
  checkHeader(reader, policy, add)
  const dropped = new Set(droppedColumns(policy))
  const sharing = await SharingCheck.load(reader, policy)
  const models = new Map<string, number>()
  const tenants = new Map<string, number>()
  for await (const batch of reader.requests(REQUEST_COLUMN_NAMES)) {
    for (const name of REQUEST_COLUMN_NAMES) checkColumn(name, batch, policy, dropped, add)
    for (let row = 0; row < batch.rowCount; row += 1) {
      const { model, tenant } = batch.columns
      addOne(models, model[row] ?? null)
      addOne(tenants, tenant[row] ?? null)
      sharing.add(batch, row)
    }
  }
  const rare = [...models].filter(
    ([name, rows]) => name !== OTHER_MODEL && rows < policy.minModelRequests,
  )
  if (rare.length > 0)
    add(`models with fewer than ${policy.minModelRequests} requests`, rare.length)
  const small = [...tenants.values()].filter((rows) => rows < policy.minTenantRequests)
  if (small.length > 0) {
    const least = policy.minTenantRequests
    add(
      Number.isFinite(least) ? `tenants with fewer than ${least} requests` : 'tenants',
      small.length,
    )
  }
  const shared = sharing.violations()
  if (shared > 0) add('prefix ids that too few tenants share', shared)
  if (!policy.keepsMarks) await checkTables(reader, add)
  return [...found].map(([what, times]) => ({ what, count: times }))
}

type Add = (what: string, count?: number) => void

function addOne(counts: Map<string, number>, name: string | null): void {
  if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1)
}

function checkHeader({ header }: TraceReader, policy: ScrubPolicy, add: Add): void {
  const isScrubbed = header.transforms.some(({ name }) => name === 'scrub.rekey')
  if (!isScrubbed) add('ids that were never given a new key')
  if (!policy.keepsWallClock && header.originWallUs !== null) add('wall clock of the start')
  if (policy.keepsMarks) return
  if (header.server.addressHash !== null) add("hash of the server's address")
  if (header.server.fingerprint !== null) add("the server's fingerprint")
  if (header.server.models.length > 0) add("list of the server's models")
  if (header.clock.anchors.length > 0) add('clock anchors')
  if (header.capture.notes.length > 0) add('notes of the capture')
  if (Object.keys(header.labels).length > 0) add('labels', Object.keys(header.labels).length)
}

function checkColumn(
  name: RequestColumn,
  batch: RequestBatch,
  policy: ScrubPolicy,
  dropped: ReadonlySet<RequestColumn>,
  add: Add,
): void {
  const values: ArrayLike<unknown> = batch.columns[name]
  const { unit } = REQUEST_COLUMNS[name]
  for (let row = 0; row < batch.rowCount; row += 1) {
    const value = values[row]
    if (value === null || value === undefined || Number.isNaN(value)) continue
    if (dropped.has(name)) add(`column ${fileName(name)}`)
    else if (typeof value === 'number') checkNumber(name, unit, value, policy, add)
    else if (typeof value === 'string') checkText(name, value, policy, add)
    else if (name === 'chunkTimes' && policy.chunkTimes === 'coarsen') {
      const isFine = decodeChunkTimes(value as Uint8Array).some(
        (us) => us !== roundTime(us, policy.quantumUs),
      )
      if (isFine) add(`chunk times finer than ${policy.quantumUs} µs`)
    }
  }
}

function checkNumber(
  name: RequestColumn,
  unit: string,
  value: number,
  policy: ScrubPolicy,
  add: Add,
): void {
  if (unit === 'us' && value !== roundTime(value, policy.quantumUs)) {
    add(`times finer than ${policy.quantumUs} µs`)
  }
  const side = ROUNDED.get(name)
  if (side !== undefined && value !== roundTokens(value, policy, side)) add('lengths not rounded')
}

function checkText(name: RequestColumn, text: string, policy: ScrubPolicy, add: Add): void {
  const isJson = REQUEST_COLUMNS[name].type === 'json'
  if (isJson && scrubJson(name, text, policy.quantumUs) !== text) {
    const isTime = name === 'dependencies'
    add(
      isTime
        ? `times finer than ${policy.quantumUs} µs`
        : `${fileName(name)} with more than numbers`,
    )
  }
  const isId = name === 'session' || name === 'tenant'
  const isAdapter = name === 'adapter' && !policy.keepsAdapters
  if ((isId || isAdapter) && !KEYED.test(text)) add(`${fileName(name)} that is no keyed id`)
}

async function checkTables(reader: TraceReader, add: Add): Promise<void> {
  const events = await reader.events()
  if (events.length > 0) add('events', events.length)
  for await (const samples of reader.samples()) add('server metrics', samples.length)
}
