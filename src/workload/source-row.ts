/** What one recorded row asks a replay to do: send it or not, with which sizes, ended where. Pure. */
import type { ColumnsOf, RequestColumn } from '../trace/columns.ts'
import type { WorkloadOptions } from './options.ts'
import {
  ABORT_BY_TIME,
  ABORT_BY_TOKENS,
  CONNECTION_REUSED,
  FAILED_IN_SOURCE,
  SIZES_ESTIMATED,
  type PlanColumns,
} from './plan.ts'
import {
  IS_SAMPLE,
  IS_WHOLE,
  OUTPUT_IS_BYTES,
  OUTPUT_UNKNOWN,
  PROMPT_IS_BYTES,
  PROMPT_UNKNOWN,
} from './source-flags.ts'
import { outcomeClass } from '../trace/outcome-class.ts'

/** What has to be read of each row. */
export const SOURCE_COLUMNS = [
  'seq',
  'session',
  'parentSeq',
  'dependencies',
  'tenant',
  'route',
  'target',
  'model',
  'adapter',
  'endpoint',
  'label',
  'atUs',
  'lagUs',
  'uploadUs',
  'stream',
  'promptTokens',
  'outputTokens',
  'maxTokens',
  'tokenSource',
  'n',
  'inputCount',
  'params',
  'priority',
  'imageSizes',
  'tools',
  'toolBytes',
  'requestBytes',
  'responseBytes',
  'prefixLeaf',
  'status',
  'outcome',
  'e2eUs',
  'abortUs',
  'connection',
] as const satisfies readonly RequestColumn[]

export type SourceColumns = ColumnsOf<'request', (typeof SOURCE_COLUMNS)[number]>

/** The same arrays in an object of fixed shape: a reader's own is a dictionary, slow in each of its rows. */
export function steadyColumns(columns: SourceColumns): SourceColumns {
  return {
    seq: columns.seq,
    session: columns.session,
    parentSeq: columns.parentSeq,
    dependencies: columns.dependencies,
    tenant: columns.tenant,
    route: columns.route,
    target: columns.target,
    model: columns.model,
    adapter: columns.adapter,
    endpoint: columns.endpoint,
    label: columns.label,
    atUs: columns.atUs,
    lagUs: columns.lagUs,
    uploadUs: columns.uploadUs,
    stream: columns.stream,
    promptTokens: columns.promptTokens,
    outputTokens: columns.outputTokens,
    maxTokens: columns.maxTokens,
    tokenSource: columns.tokenSource,
    n: columns.n,
    inputCount: columns.inputCount,
    params: columns.params,
    priority: columns.priority,
    imageSizes: columns.imageSizes,
    tools: columns.tools,
    toolBytes: columns.toolBytes,
    requestBytes: columns.requestBytes,
    responseBytes: columns.responseBytes,
    prefixLeaf: columns.prefixLeaf,
    status: columns.status,
    outcome: columns.outcome,
    e2eUs: columns.e2eUs,
    abortUs: columns.abortUs,
    connection: columns.connection,
  }
}

/** @returns null if the row is sent, else why it is not */
export function isSent(
  source: SourceColumns,
  row: number,
  isReplay: boolean,
  failed: WorkloadOptions['failed'],
): string | null {
  if (!isReplay && source.label[row] === 'replay') return 'label replay'
  if (source.endpoint[row] === 'other') return 'endpoint unknown'
  if (isRefused(source, row)) return 'refused (4xx)'
  return failed === 'skip' && isFailed(source, row) ? 'failed' : null
}

/** The client's own fault: it would only be refused again. 429 is the server's. */
function isRefused(source: SourceColumns, row: number): boolean {
  const status = source.status[row]!
  return source.outcome[row] === 'http_error' && status >= 400 && status < 500 && status !== 429
}

function isFailed(source: SourceColumns, row: number): boolean {
  const kind = outcomeClass(source.outcome[row] ?? null)
  return kind !== 'whole' && kind !== 'hung_up'
}

/** Writes flags, sizes and hang-up of one row; `thinkUs` holds how long its answer took, for now. */
export function readSizes(
  source: SourceColumns,
  row: number,
  to: PlanColumns,
  at: number,
  abortAt: WorkloadOptions['abortAt'],
): void {
  const isEstimate = source.tokenSource[row] === 'estimate'
  const isReused = source.connection[row] === 'reused'
  to.flags[at] =
    (source.stream[row] === 0 ? IS_WHOLE : 0) |
    (isEstimate ? SIZES_ESTIMATED : 0) |
    (isReused ? CONNECTION_REUSED : 0)
  readPrompt(source, row, to, at)
  if (source.endpoint[row] === 'embeddings') to.outputTokens[at] = 0
  else if (source.outcome[row] === 'client_abort') readHangUp(source, row, to, at, abortAt)
  else if (isFailed(source, row)) to.flags[at] |= FAILED_IN_SOURCE | OUTPUT_UNKNOWN
  else readOutput(source, row, to, at)
}

/** A plan keeps sizes in 32 bits: what no server takes anyway must not wrap to something small. */
const LARGEST_SIZE = 2 ** 31

/** @returns 1 to 2³¹ */
export function sized(tokens: number): number {
  return Math.min(LARGEST_SIZE, Math.max(1, tokens))
}

function readPrompt(source: SourceColumns, row: number, to: PlanColumns, at: number): void {
  const tokens = source.promptTokens[row]!
  const bytes = source.requestBytes[row]!
  if (!Number.isNaN(tokens)) to.promptTokens[at] = sized(tokens)
  else if (bytes > 0) {
    to.promptTokens[at] = sized(bytes)
    to.flags[at]! |= PROMPT_IS_BYTES | SIZES_ESTIMATED
  } else to.flags[at]! |= PROMPT_UNKNOWN | SIZES_ESTIMATED
}

function readOutput(source: SourceColumns, row: number, to: PlanColumns, at: number): void {
  const tokens = source.outputTokens[row]!
  const bytes = source.responseBytes[row]!
  if (!Number.isNaN(tokens)) {
    to.outputTokens[at] = perAnswer(tokens, source, row)
    if (!Number.isNaN(source.promptTokens[row]!)) to.flags[at]! |= IS_SAMPLE
  } else if (bytes > 0) {
    to.outputTokens[at] = perAnswer(bytes, source, row)
    to.flags[at]! |= OUTPUT_IS_BYTES | SIZES_ESTIMATED
  } else to.flags[at]! |= OUTPUT_UNKNOWN | SIZES_ESTIMATED
}

/**
 * A server counts the tokens of all choices for all prompts of a request together; what is asked for
 * is the length of one.
 */
function perAnswer(tokens: number, { n, inputCount }: SourceColumns, row: number): number {
  return sized(Math.ceil(tokens / ((n[row]! || 1) * (inputCount[row]! || 1))))
}

/**
 * Before the first token a client's patience is time, afterwards it is what it has read. What is
 * asked for is longer than what was read: else the server would simply finish.
 */
function readHangUp(
  source: SourceColumns,
  row: number,
  to: PlanColumns,
  at: number,
  abortAt: WorkloadOptions['abortAt'],
): void {
  const readTokens = source.outputTokens[row]! || 0
  const abortUs = source.abortUs[row]!
  const canByTokens = readTokens > 0 && source.stream[row] !== 0
  const byTime = abortAt === 'time' || (abortAt === 'recorded' && !canByTokens)
  if (abortAt !== 'never' && byTime && !Number.isNaN(abortUs)) {
    to.flags[at]! |= ABORT_BY_TIME
    to.abortAt[at] = abortUs
  } else if (abortAt !== 'never') {
    to.flags[at]! |= ABORT_BY_TOKENS
    to.abortAt[at] = Math.max(1, readTokens)
  }
  const maxTokens = source.maxTokens[row]!
  const readOfOne = readTokens === 0 ? 0 : perAnswer(readTokens, source, row)
  if (maxTokens > readOfOne) to.outputTokens[at] = sized(maxTokens)
  else {
    to.outputTokens[at] = readOfOne
    to.flags[at]! |= OUTPUT_UNKNOWN
  }
}
