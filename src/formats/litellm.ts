/** LiteLLM spend logs, as CSV, JSONL or a JSON list; with prefix block ids where they were kept. Pure. */
import type { EndpointName, RequestRow } from '../trace/columns.ts'
import { fittingBlockTokens } from './block-size.ts'
import { csvReader } from './csv-table.ts'
import {
  isRecord,
  optionalCount,
  optionalNumber,
  optionalId,
  optionalText,
  type JsonRecord,
} from './fields.ts'
import { hasColumns, hasKeys } from './head.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { parseJson } from './json-text.ts'
import { hashingOf } from './block-ids.ts'
import { RowFault } from './row-fault.ts'
import { parseIsoUs } from './source-time.ts'

const MARKS = ['startTime', 'endTime', 'prompt_tokens', 'completion_tokens', 'call_type'] as const

/** What is read of an entry besides. */
const FIELDS = [
  ...MARKS,
  'completionStartTime',
  'request_duration_ms',
  'status',
  'cache_hit',
  'model_group',
  'model',
  'session_id',
  'team_id',
  'end_user',
  'metadata',
] as const

export const litellm: LineImporter = {
  name: 'litellm',
  title: 'LiteLLM spend logs, CSV, JSONL or a JSON list',
  unit: 'line',
  recognises: (head) => hasKeys(head.record, ...MARKS) || hasColumns(head, ...MARKS),
  begin(context, head) {
    const log = new SpendLog(context)
    if (head.record !== null) {
      return jsonLines(
        (record) => log.add(record),
        () => log.write(),
      )
    }
    return csvReader(
      head,
      (field) => log.add(Object.fromEntries(FIELDS.map((name) => [name, field(name)]))),
      () => log.write(),
    )
  },
}

const ENDPOINTS: ReadonlyMap<string, EndpointName> = new Map([
  ['completion', 'chat'],
  ['acompletion', 'chat'],
  ['text_completion', 'completions'],
  ['atext_completion', 'completions'],
  ['responses', 'responses'],
  ['aresponses', 'responses'],
  ['anthropic_messages', 'messages'],
])

type Entry = Readonly<{
  startUs: number
  cells: Partial<RequestRow>
  session: string | null
  tenant: string | null
  ids: readonly bigint[]
}>

/** Held until the end: a session id counts only if it repeats, and the block size is found over all. */
class SpendLog {
  readonly #context: ImportContext
  readonly #entries: Entry[] = []
  readonly #sessions = new Map<string, number>()

  constructor(context: ImportContext) {
    this.#context = context
  }

  add(record: JsonRecord): void {
    const endpoint = ENDPOINTS.get(String(record['call_type']))
    if (endpoint === undefined) {
      this.#context.fault('the call is no generation')
      return
    }
    if (String(record['cache_hit']).toLowerCase() === 'true') {
      this.#context.fault('the gateway answered it from its own cache')
      return
    }
    const startUs = parseIsoUs(String(record['startTime']))
    if (Number.isNaN(startUs)) throw new RowFault('startTime is not a time')
    const metadata = metadataOf(record['metadata'])
    const session = optionalId(record['session_id'])
    if (session !== null) this.#sessions.set(session, (this.#sessions.get(session) ?? 0) + 1)
    this.#entries.push({
      startUs,
      cells: { ...cellsOf(record, startUs), endpoint },
      session,
      tenant: optionalId(record['team_id']) ?? optionalId(record['end_user']),
      ids: hexIds(metadata, 0),
    })
  }

  write(): void {
    const { sink, blocks, header, note } = this.#context
    const size = fittingBlockTokens(
      this.#entries.map(({ ids, cells }) => ({
        tokens: cells.promptTokens ?? 0,
        count: ids.length,
      })),
    )
    const isHashed = this.#entries.some(({ ids }) => ids.length > 0)
    if (isHashed) header.hashing = { ...hashingOf(size), scheme: 'litellm prefix_block_hashes' }
    else note('the log has no prefix block ids: its callback was off, or a filter dropped them')
    for (const { startUs, cells, session, tenant, ids } of this.#entries) {
      const input = cells.promptTokens ?? 0
      const isSession = session !== null && (this.#sessions.get(session) ?? 0) > 1
      // Its ids are keyed already: kept as they are, so that two logs can be joined.
      blocks.adopt(ids, (index) =>
        size === null ? null : Math.max(0, Math.min(size, input - index * size)),
      )
      sink.row(startUs, {
        ...cells,
        ...(isSession ? { session: this.#context.label('session', session) } : {}),
        ...(tenant === null ? {} : { tenant: this.#context.label('tenant', tenant) }),
        prefixLeaf: ids.at(-1) ?? null,
        prefixBlocks: ids.length > 0 ? ids.length : null,
      })
    }
    header.originWallUs = sink.originUs
  }
}

function cellsOf(record: JsonRecord, startUs: number): Partial<RequestRow> {
  const endUs = parseIsoUs(String(record['endTime']))
  const firstUs = parseIsoUs(String(record['completionStartTime']))
  const duration = optionalNumber(record['request_duration_ms'], 'request_duration_ms')
  const told = duration === null ? null : Math.round(duration * 1_000)
  const isFailure = record['status'] === 'failure'
  // A call that was not streamed has its end written as its first token.
  const hasFirst = firstUs < endUs
  return {
    model: optionalText(record['model_group']) ?? optionalText(record['model']),
    promptTokens: optionalCount(record['prompt_tokens'], 'prompt_tokens'),
    outputTokens: optionalCount(record['completion_tokens'], 'completion_tokens'),
    tokenSource: 'server',
    outcome: isFailure ? 'http_error' : 'ok',
    ttftUs: hasFirst ? firstUs - startUs : null,
    e2eUs: Number.isNaN(endUs) ? told : endUs - startUs,
    ...(hasFirst ? { stream: true } : {}),
  }
}

function metadataOf(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return parseJson(value)
  } catch {
    return null
  }
}

const HEX_ID = /^[0-9a-f]{16}$/
const MAX_DEPTH = 4

/** The list is found by its shape, since only the callback knows its name. */
function hexIds(value: unknown, depth: number): bigint[] {
  if (Array.isArray(value)) {
    const list = value as unknown[]
    const isIds = list.length > 0 && list.every((id) => typeof id === 'string' && HEX_ID.test(id))
    return isIds ? list.map((id) => BigInt(`0x${String(id)}`)) : []
  }
  if (!isRecord(value) || depth === MAX_DEPTH) return []
  for (const field of Object.values(value)) {
    const ids = hexIds(field, depth + 1)
    if (ids.length > 0) return ids
  }
  return []
}
