/** A trace → the CSV of Azure's public traces. Pure, but for the output. */
import type { RequestColumn } from '../trace/columns.ts'
import { imageSizesOf } from '../trace/json-column.ts'
import type { Exporter } from './exporter.ts'
import { RowWriter } from './row-writer.ts'
import { rowViews, sizedRows } from './row-view.ts'

const COLUMNS = [
  'atUs',
  'promptTokens',
  'outputTokens',
  'imageSizes',
] as const satisfies readonly RequestColumn[]

export const azureWriter: Exporter = {
  name: 'azure',
  title: 'Azure CSV, 2023 (2025 where requests have images)',
  ending: null,
  holds: COLUMNS,
  async write(reader, output) {
    const rows = new RowWriter(output)
    let hasImages = false
    for await (const { imageSizes } of rowViews(reader, ['imageSizes'])) {
      if (imageSizes !== null) hasImages = true
    }
    const originUs = reader.header.originWallUs ?? 0
    await rows.head(
      hasImages
        ? 'TIMESTAMP,NumImages,ContextTokens,GeneratedTokens'
        : 'TIMESTAMP,ContextTokens,GeneratedTokens',
    )
    for await (const row of sizedRows(reader, COLUMNS, null, rows.skip)) {
      const images = hasImages ? `${imageSizesOf(row.imageSizes).length},` : ''
      const lengths = `${row.promptTokens},${row.outputTokens}`
      await rows.line(`${timestamp(originUs + row.atUs)},${images}${lengths}`)
    }
    return rows.end(
      reader.header.originWallUs === null
        ? ['the trace has no wall clock: times start in 1970']
        : ['times are UTC, without an offset, as in the 2023 files'],
    )
  },
}

/** Seven digits, as the originals; the last is below what a trace holds. */
function timestamp(wallUs: number): string {
  const seconds = Math.floor(wallUs / 1_000_000)
  const date = new Date(seconds * 1_000).toISOString().slice(0, 19).replace('T', ' ')
  return `${date}.${String(wallUs - seconds * 1_000_000).padStart(6, '0')}0`
}
