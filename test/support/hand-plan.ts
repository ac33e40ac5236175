/** Plans made by hand, for tests and benches that need no trace. */
import { NONE, type Plan, type ReplayMode, type RequestShape } from '../../src/workload/plan.ts'

export type HandRow = Readonly<{
  dueUs: number
  promptTokens?: number
  outputTokens?: number
  endpoint?: RequestShape['endpoint']
  isStream?: boolean
  flags?: number
  abortAt?: number
  session?: number
  leaf?: number
  model?: string | null
  params?: string | null
  tools?: number
  toolBytes?: number
  imageSizes?: string | null
  inputCount?: number
  /** Index of the row whose answer comes first. */
  parent?: number
  thinkUs?: number
}>

export type HandBlock = Readonly<{ id: bigint; parent: number | null; tokens: number }>

const SHAPE: RequestShape = {
  endpoint: 'completions',
  isStream: true,
  model: null,
  adapter: null,
  tenant: null,
  route: null,
  target: null,
  n: 1,
  inputCount: 1,
  priority: null,
  maxTokens: null,
  params: null,
  imageSizes: null,
  tools: 0,
  toolBytes: 0,
}

/** @param rows in sending order */
export function handPlan(
  rows: readonly HandRow[],
  blocks: readonly HandBlock[] = [],
  mode: ReplayMode = { kind: 'open' },
): Plan {
  const shapes: RequestShape[] = []
  const shapeOf = (row: HandRow) => {
    const shape = {
      ...SHAPE,
      endpoint: row.endpoint ?? 'completions',
      isStream: row.isStream ?? true,
      model: row.model ?? null,
      params: row.params ?? null,
      tools: row.tools ?? 0,
      toolBytes: row.toolBytes ?? 0,
      imageSizes: row.imageSizes ?? null,
      inputCount: row.inputCount ?? 1,
    }
    const found = shapes.findIndex((each) => JSON.stringify(each) === JSON.stringify(shape))
    return found < 0 ? shapes.push(shape) - 1 : found
  }
  const sessions = new Set(rows.flatMap(({ session }) => (session === undefined ? [] : [session])))
  return {
    count: rows.length,
    mode,
    shard: null,
    columns: {
      dueUs: Float64Array.from(rows, (row) => row.dueUs),
      seq: Uint32Array.from(rows, (_, seq) => seq),
      copy: new Uint16Array(rows.length),
      flags: Uint16Array.from(rows, (row) => row.flags ?? 0),
      promptTokens: Uint32Array.from(rows, (row) => row.promptTokens ?? 16),
      outputTokens: Uint32Array.from(rows, (row) => row.outputTokens ?? 8),
      leaf: Uint32Array.from(rows, (row) => row.leaf ?? NONE),
      session: Uint32Array.from(rows, (row) => row.session ?? NONE),
      parent: Uint32Array.from(rows, (row) => row.parent ?? NONE),
      thinkUs: Float32Array.from(rows, (row) => row.thinkUs ?? 0),
      abortAt: Float32Array.from(rows, (row) => row.abortAt ?? 0),
      shape: Uint32Array.from(rows, shapeOf),
    },
    shapes,
    sessions: Array.from({ length: Math.max(-1, ...sessions) + 1 }, (_, at) => `session ${at}`),
    blocks: {
      id: BigUint64Array.from(blocks, ({ id }) => id),
      parent: Uint32Array.from(blocks, ({ parent }) => parent ?? NONE),
      tokens: Uint32Array.from(blocks, ({ tokens }) => tokens),
    },
    spanUs: rows.at(-1)?.dueUs ?? 0,
    sha256: '0'.repeat(64),
    seed: '1',
    steps: [],
    events: [],
    skipped: {},
    source: { rowDigest: null, path: 'hand', addressHash: null, addressSalt: null },
  }
}
