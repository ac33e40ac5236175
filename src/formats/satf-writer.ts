/** A trace → SATF 2.0.0, one session after the other. Pure, but for the output. */
import type { RequestColumn } from '../trace/columns.ts'
import type { TraceReader } from '../trace/trace.ts'
import { dependenciesOf } from '../trace/json-column.ts'
import { Chains } from './chains.ts'
import type { Exporter, ExportResult, Output } from './exporter.ts'
import { sizedRows, type SizedView } from './row-view.ts'
import { SATF_VERSION } from './satf.ts'

const DEFAULT_BLOCK_TOKENS = 512

const COLUMNS = [
  'seq',
  'atUs',
  'session',
  'turn',
  'parentSeq',
  'dependencies',
  'model',
  'promptTokens',
  'outputTokens',
  'cachedTokens',
  'prefixLeaf',
  'ttftUs',
  'e2eUs',
  'serverQueueUs',
] as const satisfies readonly RequestColumn[]

type Row = SizedView<(typeof COLUMNS)[number]>

export const satfWriter: Exporter = {
  name: 'satf',
  title: 'SATF 2.0.0',
  ending: null,
  holds: COLUMNS.filter((name) => name !== 'cachedTokens'),
  write: writeSatf,
}

async function writeSatf(reader: TraceReader, output: Output): Promise<ExportResult> {
  const chains = await Chains.load(reader)
  const blockTokens = reader.header.hashing.blockTokens ?? DEFAULT_BLOCK_TOKENS
  const skipped = new Map<string, number>()
  const skip = (reason: string) => void skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
  const sessions = new Map<string, Row[]>()
  let rowCount = 0
  for await (const row of sizedRows(reader, COLUMNS, blockTokens, skip)) {
    const name = row.session ?? `single-${row.seq}`
    const rows = sessions.get(name) ?? []
    rows.push(row)
    sessions.set(name, rows)
    rowCount += 1
  }
  await output.write(`${openingOf(reader, blockTokens)}"sessions":[`)
  let separator = '\n'
  let crossingCount = 0
  for (const [name, rows] of sessions) {
    const { session, crossings } = sessionOf(name, rows, chains, blockTokens)
    crossingCount += crossings
    await output.write(`${separator}${JSON.stringify(session)}`)
    separator = ',\n'
  }
  await output.write('\n]}\n')
  const notes =
    crossingCount === 0
      ? []
      : [`${crossingCount} dependencies between sessions have no place in it`]
  return { rowCount, skipped, notes }
}

function openingOf({ header }: TraceReader, blockTokens: number): string {
  const fields = {
    format: 'satf',
    format_version: SATF_VERSION,
    time_base: 'us',
    block_size_tokens: blockTokens,
    producer: { name: header.producer, version: header.producerVersion },
    ...(header.originWallUs === null
      ? {}
      : { extensions: { 'nvidia.dynamo': { artifact_start_unix_us: header.originWallUs } } }),
  }
  return `${JSON.stringify(fields).slice(0, -1)},`
}

function sessionOf(name: string, rows: readonly Row[], chains: Chains, blockTokens: number) {
  const bySeq = new Map(rows.map((row) => [row.seq, row]))
  let crossings = 0
  const edges = rows.flatMap((row, index) => {
    const told = dependenciesOf(row.dependencies, row.seq).map(({ seq }) => seq)
    const inside = told.filter((seq) => bySeq.has(seq))
    crossings += told.length - inside.length
    const before = rows[index - 1]
    const from = inside.length > 0 || before === undefined ? inside : [before.seq]
    return from.map((seq) => edgeOf(bySeq.get(seq) ?? row, row))
  })
  const nodes = rows.map((row) => nodeOf(row, chains, blockTokens, !edges.some(leadsTo(row))))
  return { session: { session_id: name, nodes, edges }, crossings }
}

function leadsTo(row: Row): (edge: Readonly<{ to: string }>) => boolean {
  return ({ to }) => to === nodeId(row.seq)
}

function nodeId(seq: number): string {
  return `llm:r${seq}`
}

/** Edges count from a predecessor's end; one that overlaps starts at once. */
function edgeOf(before: Row, row: Row) {
  const gapUs = row.atUs - before.atUs - (before.e2eUs ?? 0)
  return {
    from: nodeId(before.seq),
    to: nodeId(row.seq),
    delay_after_predecessor_us: Math.max(0, gapUs),
  }
}

function nodeOf(row: Row, chains: Chains, blockTokens: number, isFirst: boolean) {
  const prompt = row.promptTokens
  const metrics = {
    ...(row.ttftUs === null ? {} : { time_to_first_token_us: row.ttftUs }),
    ...(row.serverQueueUs === null ? {} : { queue_delay_us: row.serverQueueUs }),
    ...(row.cachedTokens === null || prompt === 0
      ? {}
      : { kv_cache_hit_rate: row.cachedTokens / prompt }),
  }
  return {
    id: nodeId(row.seq),
    kind: 'llm_infer',
    ...(row.e2eUs === null ? {} : { duration_us: row.e2eUs }),
    ...(isFirst ? { min_start_delay_us: row.atUs } : {}),
    ...(Object.keys(metrics).length === 0
      ? {}
      : { performance_metrics: { source: 'vllm-trace', ...metrics } }),
    payload: {
      input_tokens_total: prompt,
      output_tokens: row.outputTokens,
      kv_block_ids: chains.cut(row.prefixLeaf ?? 0n, prompt, blockTokens),
      ...(row.model === null ? {} : { request_parameters: { model: row.model } }),
    },
  }
}
