/** A trace → Dynamo's agentic Mooncake, version 2. Pure, but for the output. */
import type { RequestColumn } from '../trace/columns.ts'
import { AGENTIC_SCHEMA, AGENTIC_VERSION } from './agentic-mooncake.ts'
import { Chains } from './chains.ts'
import type { Exporter } from './exporter.ts'
import { RowWriter } from './row-writer.ts'
import { sizedRows, type SizedView } from './row-view.ts'

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
  'priority',
  'prefixLeaf',
] as const satisfies readonly RequestColumn[]

type Row = SizedView<(typeof COLUMNS)[number]>

export type Dependency = Readonly<{
  seq: number
  trigger: string
  relation: string
  delayUs: number
}>

export const agenticWriter: Exporter = {
  name: 'agentic-mooncake',
  title: 'Dynamo agentic Mooncake v2',
  ending: null,
  holds: COLUMNS,
  async write(reader, output) {
    const chains = await Chains.load(reader)
    const rows = new RowWriter(output)
    const blockTokens = reader.header.hashing.blockTokens ?? DEFAULT_BLOCK_TOKENS
    await rows.head(
      JSON.stringify({
        schema: AGENTIC_SCHEMA,
        version: AGENTIC_VERSION,
        block_size: blockTokens,
        hash_id_scope: 'local',
        source: { format: 'vllm-trace', digest: reader.header.rowDigest },
      }),
    )
    /** The root session of each request's tree. */
    const plays = new Map<number, string>()
    for await (const row of sizedRows(reader, COLUMNS, blockTokens, rows.skip)) {
      await rows.line(JSON.stringify(rowOf(row, chains, blockTokens, plays)))
    }
    return rows.end()
  },
}

const RELATIONS = new Set(['sequence', 'spawn', 'join', 'replay_barrier'])

function rowOf(row: Row, chains: Chains, blockTokens: number, plays: Map<number, string>): object {
  const prompt = row.promptTokens
  const session = row.session ?? `single-${row.seq}`
  const dependencies = dependenciesOf(row.dependencies)
  const play = dependencies.map(({ seq }) => plays.get(seq)).find((name) => name !== undefined)
  plays.set(row.seq, play ?? session)
  return {
    request_id: `r${row.seq}`,
    play_id: play ?? session,
    session_id: session,
    model: row.model ?? 'unknown',
    input_length: prompt,
    output_length: row.outputTokens,
    hash_ids: chains.cut(row.prefixLeaf ?? 0n, prompt, blockTokens, true),
    not_before_ms: row.atUs / 1_000,
    ...(row.priority === null ? {} : { priority: row.priority }),
    dependencies: dependencies.map(({ seq, trigger, relation, delayUs }) => ({
      request_id: `r${seq}`,
      trigger: trigger === 'dispatch' ? 'dispatch' : 'completion',
      delay_ms: delayUs / 1_000,
      relation: RELATIONS.has(relation) ? relation : 'sequence',
    })),
  }
}

export function dependenciesOf(json: string | null): Dependency[] {
  return json === null ? [] : (JSON.parse(json) as Dependency[])
}
