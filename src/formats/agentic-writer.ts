/** A trace → Dynamo's agentic Mooncake, version 2. Pure, but for the output. */
import type { RequestColumn } from '../trace/columns.ts'
import { dependenciesOf, type Dependency } from '../trace/json-column.ts'
import { AGENTIC_SCHEMA, AGENTIC_VERSION } from './agentic-mooncake.ts'
import { Chains } from './chains.ts'
import type { Exporter } from './exporter.ts'
import { RowWriter } from './row-writer.ts'
import { sizedRows, type SizedView } from './row-view.ts'

const DEFAULT_BLOCK_TOKENS = 512

const HELD = [
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

/** When a row ended, for what comes after it. */
const COLUMNS = [...HELD, 'lagUs', 'uploadUs', 'e2eUs', 'abortUs'] as const

type Row = SizedView<(typeof COLUMNS)[number]>

export const agenticWriter: Exporter = {
  name: 'agentic-mooncake',
  title: 'Dynamo agentic Mooncake v2',
  ending: null,
  holds: HELD,
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
    const earlier = new Map<number, Earlier>()
    for await (const row of sizedRows(reader, COLUMNS, blockTokens, rows.skip)) {
      await rows.line(JSON.stringify(rowOf(row, chains, blockTokens, earlier)))
    }
    return rows.end()
  },
}

const RELATIONS = new Set(['sequence', 'spawn', 'join', 'replay_barrier'])

/** What later requests need of one: the root session of its tree, and its times. */
type Earlier = Readonly<{ play: string; atUs: number; endUs: number | null }>

function rowOf(
  row: Row,
  chains: Chains,
  blockTokens: number,
  earlier: Map<number, Earlier>,
): object {
  const prompt = row.promptTokens
  const session = row.session ?? `single-${row.seq}`
  const told = dependenciesOf(row.dependencies, row.seq)
  const dependencies = told.length > 0 ? told : afterParent(row, earlier)
  const known = dependencies.map(({ seq }) => earlier.get(seq)?.play)
  const play = known.find((name) => name !== undefined) ?? session
  earlier.set(row.seq, { play, atUs: row.atUs, endUs: endOf(row) })
  return {
    request_id: `r${row.seq}`,
    play_id: play,
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

/** A recording says which turn came before; how long before, its times say. */
function afterParent(row: Row, earlier: ReadonlyMap<number, Earlier>): Dependency[] {
  const seq = row.parentSeq
  const parent = seq === null ? undefined : earlier.get(seq)
  if (seq === null || parent === undefined) return []
  const hadEnded = parent.endUs !== null && parent.endUs <= row.atUs
  const fromUs = hadEnded ? parent.endUs : parent.atUs
  const trigger = hadEnded ? 'end' : 'dispatch'
  return [{ seq, trigger, relation: 'sequence', delayUs: row.atUs - fromUs }]
}

function endOf({ atUs, lagUs, uploadUs, e2eUs, abortUs }: Row): number | null {
  const lastedUs = e2eUs ?? abortUs
  return lastedUs === null ? null : atUs + (lagUs ?? 0) + (uploadUs ?? 0) + lastedUs
}
