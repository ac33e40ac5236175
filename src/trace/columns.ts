/**
 * The trace format's one column table: both containers, the digest, the document and the types of
 * this program are derived from it. Pure.
 *
 * Columns are added at the end of their table, never changed or removed: older files stay readable.
 */

/**
 * - int: whole number, exact up to 2^53; null is NaN in a batch
 * - real: double; null is NaN in a batch
 * - flag: 0 or 1; null is NaN in a batch
 * - id: 64 bits; null is 0n in a batch, and no id is ever 0
 * - text: UTF-8; null is null
 * - json: canonical JSON text (sorted keys, no spaces); null is null
 * - bytes: null is null
 */
export type ColumnType = 'int' | 'real' | 'flag' | 'id' | 'text' | 'json' | 'bytes'

export type Column = Readonly<{
  type: ColumnType
  /** '' where the value has none. */
  unit: string
  nullable: boolean
  meaning: string
}>

const column =
  <T extends ColumnType>(type: T) =>
  <N extends boolean>(nullable: N, unit: string, meaning: string) =>
    ({ type, unit, nullable, meaning }) as const

const int = column('int')
const real = column('real')
const flag = column('flag')
const id = column('id')
const text = column('text')
const json = column('json')
const bytes = column('bytes')

/** Keys are the names inside the program; `fileName` gives the name in files. */
export const REQUEST_COLUMNS = {
  // identity
  seq: int(false, '', 'number of the row, unique in the recording'),
  sourceSeq: int(true, '', 'the row of the source trace that this one replays'),
  copy: int(true, '', 'which superposed or looped copy of the source row; 0 is the row itself'),
  session: text(true, '', 'keyed id of the session'),
  turn: int(true, '', 'place in the session, from 0'),
  parentSeq: int(true, '', 'the row whose answer this one quotes or waited for'),
  dependencies: json(true, '', 'list of {seq, trigger: dispatch or end, relation, delayUs}'),
  tenant: text(true, '', 'keyed id of the client or customer'),
  route: text(true, '', 'which listener or upstream it came through'),
  target: text(true, '', 'which target a replay sent it to'),
  model: text(true, '', 'model as the server knows it, else a keyed id'),
  adapter: text(true, '', 'LoRA adapter'),
  endpoint: text(false, '', 'chat, completions, responses, messages, embeddings or other'),
  label: text(true, '', "free mark, e.g. 'replay' for load that this program sent"),
  attemptOf: int(true, '', 'the row of the first attempt, where this is a retry'),
  attempt: int(true, '', 'number of the attempt, 0 for the first'),
  // when
  atUs: int(false, 'us', 'arrival, since the origin: first byte of the head read, or when due'),
  connectUs: int(true, 'us', 'time that opening the connection took'),
  lagUs: int(true, 'us', 'first byte written minus due; 0 if recorded'),
  uploadUs: int(true, 'us', 'first to last byte of the request'),
  // what
  stream: flag(true, '', 'answer asked for as a stream'),
  promptTokens: int(true, 'tokens', 'prompt, template included'),
  cachedTokens: int(true, 'tokens', 'of the prompt, served from the prefix cache'),
  outputTokens: int(true, 'tokens', 'answer, reasoning included'),
  reasoningTokens: int(true, 'tokens', 'of the answer, reasoning'),
  maxTokens: int(true, 'tokens', 'limit that the client asked for'),
  tokenSource: text(true, '', 'where the counts come from: server, stream, tokenizer or estimate'),
  n: int(true, '', 'choices asked for'),
  inputCount: int(true, '', 'prompts or embedding inputs in one request'),
  params: json(true, '', 'allow-listed sampling parameters, numbers and booleans'),
  priority: int(true, '', 'scheduling priority asked for'),
  imageSizes: json(true, '', 'list of [width, height, bytes]; unknown parts are null'),
  tools: int(true, '', 'tools offered'),
  toolBytes: int(true, 'bytes', 'their schemas'),
  requestBytes: int(true, 'bytes', 'request body'),
  responseBytes: int(true, 'bytes', 'response body, as delivered'),
  prefixLeaf: id(true, '', 'last block of the prompt; its chain stands in `block`'),
  prefixBlocks: int(true, '', 'length of that chain'),
  answerLeaf: id(true, '', 'last block of prompt and answer, as the next turn quotes them'),
  // how it went, from sent = at + lag + upload
  status: int(true, '', 'HTTP status; null if no answer came'),
  outcome: text(
    true,
    '',
    'ok, client_abort, http_error, stream_error, truncated, upstream_reset, timeout, unobserved_end or not_sent',
  ),
  finishReason: text(true, '', 'stop, length, tool_calls, abort, error, …'),
  headersUs: int(true, 'us', 'sent to response head'),
  ttftUs: int(true, 'us', 'sent to the first token-bearing event'),
  firstContentUs: int(true, 'us', 'sent to the first token after reasoning'),
  e2eUs: int(true, 'us', 'sent to the last token-bearing event; whole answer if not streamed'),
  abortUs: int(true, 'us', 'sent to hang-up'),
  stallUs: int(true, 'us', 'reading from upstream paused for a slow client'),
  chunkTimes: bytes(true, '', 'times of token-bearing events, from sent (see chunk codec)'),
  chunkTokens: bytes(true, '', 'tokens of each such event (see chunk codec); null: one each'),
  chunkKinds: bytes(
    true,
    '',
    'kind of each, one byte: 0 content, 1 reasoning, 2 tool; null: all content',
  ),
  connection: text(true, '', 'new, reused or race'),
  serverQueueUs: int(true, 'us', "server's own figure: waiting for its scheduler"),
  serverTtftUs: int(true, 'us', "server's own figure: scheduled to first token"),
  serverGenerateUs: int(true, 'us', "server's own figure: first to last token"),
} as const

/** One block of a prefix chain. The same id means the same whole prefix. */
export const BLOCK_COLUMNS = {
  id: id(false, '', 'keyed id of the prefix that ends with this block'),
  parent: id(true, '', 'the block before; null at the root'),
  tokens: int(true, 'tokens', 'length of this block, fixed once per id'),
} as const

export const EVENT_COLUMNS = {
  atUs: int(false, 'us', 'since the origin'),
  kind: text(false, '', 'restart, config, perturbation, mark, drift, …'),
  detail: json(true, '', 'what it was'),
} as const

export const GAP_COLUMNS = {
  fromUs: int(false, 'us', 'since the origin'),
  toUs: int(false, 'us', 'since the origin'),
  reason: text(false, '', 'why nothing could be recorded'),
  count: int(false, '', 'requests that are missing'),
} as const

export const SAMPLE_COLUMNS = {
  atUs: int(false, 'us', 'since the origin'),
  metric: text(false, '', 'family name, e.g. vllm:num_requests_running'),
  labels: json(true, '', 'its labels'),
  value: real(false, '', ''),
} as const

/** Every table of a trace, in the order of the digest. */
export const TABLES = {
  request: REQUEST_COLUMNS,
  block: BLOCK_COLUMNS,
  event: EVENT_COLUMNS,
  gap: GAP_COLUMNS,
  sample: SAMPLE_COLUMNS,
} as const

export type TableName = keyof typeof TABLES

type ValueOf = {
  int: number
  real: number
  flag: boolean
  id: bigint
  text: string
  json: string
  bytes: Uint8Array
}

/** One row as an object: for importers, tests and small tables; never on a hot path. */
export type RowOf<T extends TableName> = {
  -readonly [K in keyof (typeof TABLES)[T]]: (typeof TABLES)[T][K] extends {
    type: infer Y extends ColumnType
    nullable: infer N
  }
    ? ValueOf[Y] | (N extends true ? null : never)
    : never
}

type DataOf = {
  int: Float64Array
  real: Float64Array
  flag: Float64Array
  id: BigUint64Array
  text: (string | null)[]
  json: (string | null)[]
  bytes: (Uint8Array | null)[]
}

/** One table's columns over a run of rows; each array is as long as the batch. */
export type ColumnsOf<T extends TableName, K extends keyof (typeof TABLES)[T]> = {
  readonly [C in K]: (typeof TABLES)[T][C] extends { type: infer Y extends ColumnType }
    ? DataOf[Y]
    : never
}

export type RequestColumn = keyof typeof REQUEST_COLUMNS
export const REQUEST_COLUMN_NAMES = Object.keys(REQUEST_COLUMNS) as readonly RequestColumn[]
export type RequestRow = RowOf<'request'>
export type BlockRow = RowOf<'block'>
export type EventRow = RowOf<'event'>
export type GapRow = RowOf<'gap'>
export type SampleRow = RowOf<'sample'>

/** 'ttftUs' → 'ttft_us'. */
export function fileName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

export const OUTCOMES = [
  'ok',
  'client_abort',
  'http_error',
  'stream_error',
  'truncated',
  'upstream_reset',
  'timeout',
  'unobserved_end',
  'not_sent',
] as const
export type OutcomeName = (typeof OUTCOMES)[number]

export const ENDPOINTS = [
  'chat',
  'completions',
  'responses',
  'messages',
  'embeddings',
  'other',
] as const
export type EndpointName = (typeof ENDPOINTS)[number]

export const TOKEN_SOURCES = ['server', 'stream', 'tokenizer', 'estimate'] as const
