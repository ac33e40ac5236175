/** One batch of requests as a policy lets it out. Pure. */
import { REQUEST_COLUMN_NAMES, REQUEST_COLUMNS, type RequestColumn } from '../trace/columns.ts'
import { canonicalJson } from '../trace/canonical.ts'
import { dependenciesOf, imageSizesOf, paramsOf } from '../trace/json-column.ts'
import { decodeChunkTimes, encodeChunkTimes } from '../trace/chunk-times.ts'
import type { RequestBatch, RequestColumns } from '../trace/trace.ts'
import { roundTime, roundTokens, type ScrubPolicy } from './scrub-policy.ts'
import { keyedText, type RowOwner, type SharingScope } from './sharing-scope.ts'

/** What the first pass over the trace found. */
export type Census = Readonly<{
  smallTenants: ReadonlySet<string>
  rareModels: ReadonlySet<string>
  owners: readonly RowOwner[]
  /** Tenants of the recipient, which share with nobody. */
  recipientCount: number
  /** Sessions that more than one tenant named alike: a client may have guessed the name of another's. */
  mixedSessions: ReadonlySet<string>
}>

export const OTHER_MODEL = 'other'

/** Lengths that are rounded, and as which side of a request. */
export const ROUNDED: ReadonlyMap<RequestColumn, 'prompt' | 'answer'> = new Map([
  ['promptTokens', 'prompt'],
  ['cachedTokens', 'prompt'],
  ['outputTokens', 'answer'],
  ['reasoningTokens', 'answer'],
  ['maxTokens', 'answer'],
])

/** Columns that a policy leaves out whole. */
export function droppedColumns(policy: ScrubPolicy): RequestColumn[] {
  const dropped: RequestColumn[] = []
  if (!policy.keepsBytes) dropped.push('requestBytes', 'responseBytes', 'toolBytes')
  if (!policy.keepsCachedTokens) dropped.push('cachedTokens')
  if (!policy.keepsParams) dropped.push('params', 'n', 'inputCount', 'priority')
  if (!policy.keepsTools) dropped.push('tools', 'imageSizes')
  if (!policy.keepsMarks) dropped.push('label', 'route', 'target')
  if (policy.chunkTimes === 'drop') dropped.push('chunkTimes', 'chunkTokens', 'chunkKinds')
  if (policy.preset === 'public') dropped.push('adapter')
  return dropped
}

/**
 * @param first index of the batch's first row in `census.owners`
 * @returns columns that are new arrays; the batch is not changed
 */
export function scrubBatch(
  batch: RequestBatch,
  first: number,
  policy: ScrubPolicy,
  census: Census,
  scope: SharingScope,
  key: Uint8Array,
): RequestColumns {
  const { rowCount } = batch
  const columns: Record<string, unknown> = {}
  const dropped = new Set(droppedColumns(policy))
  for (const name of REQUEST_COLUMN_NAMES) {
    if (dropped.has(name)) continue
    columns[name] = scrubColumn(name, batch.columns[name].slice(0, rowCount), policy, census, key)
  }
  columns['session'] = scrubSessions(batch, columns, policy, census, key)
  const prefixLeaf = new BigUint64Array(rowCount)
  const answerLeaf = new BigUint64Array(rowCount)
  const prefixBlocks = new Float64Array(rowCount).fill(Number.NaN)
  for (let row = 0; row < rowCount; row += 1) {
    const owner = census.owners[first + row]
    if (owner === undefined) continue
    const prompt = scope.rename(owner.prefix, owner)
    prefixLeaf[row] = prompt.leaf
    if (prompt.leaf !== 0n) prefixBlocks[row] = prompt.count
    answerLeaf[row] = scope.rename(owner.answer, owner).leaf
  }
  return { ...columns, prefixLeaf, prefixBlocks, answerLeaf }
}

/** Columns that tell which request of a session another one followed. */
const LINKS = ['turn', 'parentSeq', 'dependencies'] as const

/** Also takes the links out of sessions in which tenants meet. */
function scrubSessions(
  { rowCount, columns: { session, tenant } }: RequestBatch,
  columns: Record<string, unknown>,
  { sharing }: ScrubPolicy,
  { mixedSessions }: Census,
  key: Uint8Array,
): (string | null)[] {
  return Array.from({ length: rowCount }, (_, row) => {
    const name = session[row] ?? null
    if (name === null) return null
    if (sharing === 'all') return keyedText(key, 'session', name)
    if (mixedSessions.has(name)) LINKS.forEach((link) => clear(columns[link], row))
    return keyedText(key, 'session', sessionOf(name, tenant[row] ?? null))
  })
}

function clear(column: unknown, row: number): void {
  if (column instanceof Float64Array) column[row] = Number.NaN
  else if (Array.isArray(column)) column[row] = null
}

/** The name of a session in its tenant: no other pair of names gives the same. */
export function sessionOf(name: string, tenant: string | null): string {
  return JSON.stringify([name, tenant])
}

function scrubColumn(
  name: RequestColumn,
  values: RequestBatch['columns'][RequestColumn],
  policy: ScrubPolicy,
  census: Census,
  key: Uint8Array,
): unknown {
  const { unit } = REQUEST_COLUMNS[name]
  if (values instanceof Float64Array) {
    if (unit === 'us') return values.map((us) => roundTime(us, policy.quantumUs))
    const side = ROUNDED.get(name)
    return side === undefined ? values : values.map((count) => roundTokens(count, policy, side))
  }
  if (values instanceof BigUint64Array) return values
  if (name === 'chunkTimes' && policy.chunkTimes === 'coarsen') {
    return (values as readonly (Uint8Array | null)[]).map((times) =>
      coarseTimes(times, policy.quantumUs),
    )
  }
  return (values as readonly unknown[]).map((value) =>
    typeof value === 'string' ? scrubText(name, value, policy, census, key) : value,
  )
}

function scrubText(
  name: RequestColumn,
  text: string,
  policy: ScrubPolicy,
  census: Census,
  key: Uint8Array,
): string | null {
  if (REQUEST_COLUMNS[name].type === 'json') return scrubJson(name, text, policy.quantumUs)
  if (name === 'tenant') {
    return census.smallTenants.has(text) ? null : keyedText(key, 'tenant', text)
  }
  if (name === 'model') return census.rareModels.has(text) ? OTHER_MODEL : text
  if (name === 'adapter' && !policy.keepsAdapters) return keyedText(key, 'adapter', text)
  return text
}

/** Words that importers write; any other may be somebody's text. */
const RELATIONS: ReadonlySet<string> = new Set(['sequence', 'spawn', 'join', 'replay_barrier'])

/**
 * A JSON column anew, from its numbers: nothing else can hide in it. Waits are times too.
 * @throws TraceError TRACE_UNREADABLE for text that is no JSON of its column
 */
export function scrubJson(name: RequestColumn, text: string, quantumUs: number): string {
  if (name === 'imageSizes') return canonicalJson(imageSizesOf(text))
  if (name === 'params') {
    const params = Object.entries(paramsOf(text))
    return canonicalJson(Object.fromEntries(params.filter(([key]) => PARAM_NAME.test(key))))
  }
  const dependencies = dependenciesOf(text).map(({ seq, trigger, relation, delayUs }) => ({
    seq,
    trigger: trigger === 'dispatch' ? trigger : 'end',
    relation: RELATIONS.has(relation) ? relation : 'sequence',
    delayUs: roundTime(delayUs, quantumUs),
  }))
  return canonicalJson(dependencies)
}

const PARAM_NAME = /^[a-z_]{1,40}$/

function coarseTimes(times: Uint8Array | null, quantumUs: number): Uint8Array | null {
  if (times === null) return null
  return encodeChunkTimes(decodeChunkTimes(times).map((us) => roundTime(us, quantumUs)))
}
