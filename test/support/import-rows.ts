/** Runs an importer over bytes or a file and keeps what it would write, as objects. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openImport } from '../../src/formats/import.ts'
import type { ImportOptions, ImportSummary } from '../../src/formats/import-state.ts'
import type { BlockRow, RequestRow } from '../../src/trace/columns.ts'
import type { TraceWriter } from '../../src/trace/trace.ts'
import { testWorld } from './test-world.ts'

export type Imported = Readonly<{
  rows: readonly Partial<RequestRow>[]
  blocks: readonly BlockRow[]
  summary: ImportSummary
}>

export const SHARED_TRACES = fileURLToPath(new URL('../../../shared/traces/', import.meta.url))
export const hasSharedTraces = existsSync(SHARED_TRACES)

export async function importText(
  text: string | Uint8Array,
  options: Partial<ImportOptions> = {},
): Promise<Imported> {
  return importFrom('-', [Buffer.from(text)], options)
}

export async function importFile(
  path: string,
  options: Partial<ImportOptions> = {},
): Promise<Imported> {
  return importFrom(path, [], options)
}

async function importFrom(
  input: string,
  stdin: readonly Uint8Array[],
  options: Partial<ImportOptions>,
): Promise<Imported> {
  const { world } = testWorld({
    stdin: (async function* () {
      yield* stdin
    })(),
  })
  const rows: Partial<RequestRow>[] = []
  const blocks: BlockRow[] = []
  const source = await openImport(
    { input, format: null, timeUnit: null, isStrict: false, ...options },
    world,
  )
  const summary = await source.run({
    addRequestBatch: async (batch: Parameters<TraceWriter['addRequestBatch']>[0]) => {
      for (let row = 0; row < batch.rowCount; row += 1) {
        rows.push(
          Object.fromEntries(
            Object.entries(batch.columns).map(([name, values]) => [name, cell(values[row])]),
          ),
        )
      }
    },
    addBlocks: async (added: readonly BlockRow[]) => void blocks.push(...added),
  } as unknown as TraceWriter)
  return { rows, blocks, summary }
}

function cell(value: unknown): unknown {
  return Number.isNaN(value) || value === 0n || value === undefined ? null : value
}

/** Sum over rows, for checks against published totals. */
export function total(rows: readonly Partial<RequestRow>[], name: keyof RequestRow): number {
  return rows.reduce((sum, row) => sum + Number(row[name] ?? 0), 0)
}
