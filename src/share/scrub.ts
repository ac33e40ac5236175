/** A copy of a trace that may leave the team. Effects: reads and writes trace files. */
import { randomBytes } from 'node:crypto'
import { TraceError } from '../base/errors.ts'
import { REQUEST_COLUMN_NAMES } from '../trace/columns.ts'
import { writeTrace } from '../trace/create.ts'
import type { TraceHeader, Transform } from '../trace/header.ts'
import { openTrace } from '../trace/open.ts'
import type { TraceReader, TraceWriter } from '../trace/trace.ts'
import { halvesOf } from '../workload/block-index.ts'
import { loadBlocks, type BlockTable } from '../workload/block-table.ts'
import { compareTraces, type Fidelity } from './fidelity.ts'
import type { ScrubOptions } from './options.ts'
import { droppedColumns, scrubBatch, sessionOf, type Census } from './scrub-rows.ts'
import type { ScrubPolicy } from './scrub-policy.ts'
import { keyedText, SharingScope, type RowOwner } from './sharing-scope.ts'

export type ScrubResult = Readonly<{
  output: string
  policy: ScrubPolicy
  rowCount: number
  /** What was done, in the order of the header's transforms. */
  steps: readonly Transform[]
  fidelity: Fidelity
  rowDigest: string | null
}>

const KEY_BYTES = 32

export async function scrubTrace(options: ScrubOptions): Promise<ScrubResult> {
  const key = options.key ?? randomBytes(KEY_BYTES)
  const reader = await openTrace(options.input)
  try {
    const table = await loadBlocks(reader)
    const scope = new SharingScope(options.policy, key, table.blocks)
    const census = await takeCensus(reader, options, scope, table)
    const steps = stepsOf(options, census, scope, key)
    const header = scrubHeader(reader.header, options.policy, steps, key)
    await writeTrace(options.output, header, options.isForced, (writer) =>
      writeScrubbed(reader, writer, options.policy, census, scope, key),
    )
    const written = await openTrace(options.output)
    try {
      const fidelity = await compareTraces(reader, written)
      const { counts, rowDigest } = written.header
      const { output, policy } = options
      return { output, policy, rowCount: counts?.request ?? 0, steps, fidelity, rowDigest }
    } finally {
      await written.close()
    }
  } finally {
    await reader.close()
  }
}

/** Two passes: who has what, then how often each of the new ids would be seen. */
async function takeCensus(
  reader: TraceReader,
  { policy, recipients }: ScrubOptions,
  scope: SharingScope,
  table: BlockTable,
): Promise<Census> {
  const owners: RowOwner[] = []
  const tenants = new Map<string, { number: number; count: number }>()
  const sessions = new Sessions()
  const models = new Map<string, number>()
  const columns = ['prefixLeaf', 'answerLeaf', 'tenant', 'session', 'model'] as const
  for await (const batch of reader.requests(columns)) {
    const [prefixes, answers] = [
      halvesOf(batch.columns.prefixLeaf),
      halvesOf(batch.columns.answerLeaf),
    ]
    for (let row = 0; row < batch.rowCount; row += 1) {
      const tenantName = batch.columns.tenant[row] ?? null
      const model = batch.columns.model[row] ?? null
      if (model !== null) models.set(model, (models.get(model) ?? 0) + 1)
      const owner = {
        prefix: table.indexAt(prefixes, row),
        answer: table.indexAt(answers, row),
        tenant: tenantName === null ? -1 : numbered(tenants, tenantName),
        tenantName: tenantName ?? '',
        ...sessions.of(batch.columns.session[row] ?? null, tenantName),
      }
      owners.push(owner)
    }
  }
  for (const name of recipients) {
    if (!tenants.has(name)) throw new TraceError('BAD_OPTION', `no request is of tenant ${name}`)
  }
  const smallTenants = below(tenants, policy.minTenantRequests, ({ count }) => count)
  // Who loses its name must not be found again by what only its own requests share.
  const known = owners.map((owner) =>
    smallTenants.has(owner.tenantName) || recipients.has(owner.tenantName)
      ? { ...owner, tenant: -1, tenantName: '' }
      : owner,
  )
  known.forEach((owner) => scope.noteTenant(owner))
  known.forEach((owner) => scope.noteUse(owner))
  const rareModels = below(models, policy.minModelRequests, (count) => count)
  const { mixed: mixedSessions } = sessions
  return { owners: known, smallTenants, rareModels, mixedSessions, recipientCount: recipients.size }
}

/** A request without a session is one by itself; a name that two tenants use is two sessions. */
class Sessions {
  readonly #numbers = new Map<string, number>()
  readonly #tenants = new Map<string, string | null>()
  /** Names that more than one tenant used. */
  readonly mixed = new Set<string>()
  #count = 0

  of(name: string | null, tenant: string | null): Pick<RowOwner, 'session' | 'sessionName'> {
    const sessionName = name === null ? `alone ${this.#count}` : sessionOf(name, tenant)
    const session = this.#numbers.get(sessionName) ?? this.#count
    if (session === this.#count) this.#count += 1
    if (name === null) return { session, sessionName }
    this.#numbers.set(sessionName, session)
    const first = this.#tenants.get(name)
    if (first === undefined) this.#tenants.set(name, tenant)
    else if (first !== tenant) this.mixed.add(name)
    return { session, sessionName }
  }
}

function numbered(known: Map<string, { number: number; count: number }>, name: string): number {
  const entry = known.get(name) ?? { number: known.size, count: 0 }
  entry.count += 1
  known.set(name, entry)
  return entry.number
}

function below<T>(counts: ReadonlyMap<string, T>, least: number, of: (value: T) => number) {
  return new Set([...counts].filter(([, value]) => of(value) < least).map(([name]) => name))
}

async function writeScrubbed(
  reader: TraceReader,
  writer: TraceWriter,
  policy: ScrubPolicy,
  census: Census,
  scope: SharingScope,
  key: Uint8Array,
): Promise<void> {
  let first = 0
  for await (const batch of reader.requests(REQUEST_COLUMN_NAMES)) {
    const columns = scrubBatch(batch, first, policy, census, scope, key)
    await writer.addBlocks(scope.takeBlocks())
    await writer.addRequestBatch({ rowCount: batch.rowCount, columns })
    first += batch.rowCount
  }
  const gaps = await reader.gaps()
  await writer.addGaps(policy.keepsMarks ? gaps : gaps.map((gap) => ({ ...gap, reason: 'gap' })))
  if (!policy.keepsMarks) return
  await writer.addEvents(await reader.events())
  for await (const samples of reader.samples()) await writer.addSamples(samples)
}

function stepsOf(
  { policy, key: givenKey }: ScrubOptions,
  census: Census,
  scope: SharingScope,
  key: Uint8Array,
): Transform[] {
  const steps = [
    step('preset', { name: policy.preset }),
    step('rekey', { keyId: keyIdOf(key), joinable: givenKey !== null }),
    step('drop-lone-ids', { count: scope.onceCount }),
  ]
  if (policy.sharing !== 'all') {
    const isCommonKept = Number.isFinite(policy.minOtherTenants)
    const minOtherTenants = isCommonKept ? policy.minOtherTenants : null
    const { splitCount: count } = scope
    steps.push(step('unshare', { across: policy.sharing, minOtherTenants, count }))
  }
  if (census.recipientCount > 0) {
    steps.push(step('unshare-recipient', { count: census.recipientCount }))
  }
  if (!policy.keepsWallClock) steps.push(step('drop-wall-clock'))
  if (policy.quantumUs > 1) steps.push(step('round-times', { quantumUs: policy.quantumUs }))
  if (policy.stepsPerOctave !== null) {
    const { stepsPerOctave, leastStepTokens, leastAnswerStepTokens } = policy
    steps.push(step('round-lengths', { stepsPerOctave, leastStepTokens, leastAnswerStepTokens }))
  }
  if (census.rareModels.size > 0) steps.push(step('rare-models', { count: census.rareModels.size }))
  if (census.smallTenants.size > 0) {
    steps.push(step('small-tenants', { count: census.smallTenants.size }))
  }
  const dropped = droppedColumns(policy)
  if (dropped.length > 0) steps.push(step('drop-columns', { columns: dropped }))
  if (!policy.keepsMarks) steps.push(step('drop-marks'))
  return steps
}

function step(name: string, given: Record<string, unknown> = {}): Transform {
  return { name: `scrub.${name}`, arguments: given }
}

/** Which key, without the key. */
function keyIdOf(key: Uint8Array): string {
  return keyedText(key, 'key id', '').slice(0, 8)
}

function scrubHeader(
  header: TraceHeader,
  policy: ScrubPolicy,
  steps: readonly Transform[],
  key: Uint8Array,
): TraceHeader {
  const kept: TraceHeader = {
    ...header,
    hashing: { ...header.hashing, keyId: keyIdOf(key) },
    transforms: [...header.transforms, ...steps],
    signatures: [],
  }
  if (policy.keepsMarks) return kept
  return {
    ...kept,
    originWallUs: policy.keepsWallClock ? header.originWallUs : null,
    clock: { quantumUs: Math.max(header.clock.quantumUs ?? 1, policy.quantumUs), anchors: [] },
    capture: { ...header.capture, sampledBy: null, notes: [] },
    server: {
      ...header.server,
      models: [],
      fingerprint: null,
      addressHash: null,
      addressSalt: null,
    },
    seed: null,
    planSha256: null,
    labels: {},
  }
}
