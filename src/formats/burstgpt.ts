/** BurstGPT v1 (6 columns) and v2 (Session ID and Elapsed time inserted). Pure. */
import { csvReader, type CsvField } from './csv-table.ts'
import { asCount, optionalNumber, secondsUs } from './fields.ts'
import { hasColumns } from './head.ts'
import type { ImportContext, LineImporter } from './importer.ts'
import { RowFault } from './row-fault.ts'
import { parseUnitUs } from './source-time.ts'

export const burstgpt: LineImporter = {
  name: 'burstgpt',
  title: 'BurstGPT v1 and v2 CSV',
  unit: 'line',
  recognises: (head) => hasColumns(head, 'Timestamp', 'Request tokens', 'Response tokens'),
  begin: (context, head) =>
    csvReader(
      head,
      (field) => burstRow(field, context),
      () =>
        context.note('times have a resolution of 1 s; rows without response tokens are failures'),
    ),
}

function burstRow(field: CsvField, context: ImportContext): void {
  const { sink } = context
  const timeUs = parseUnitUs(field('Timestamp'), context.unit('s'))
  if (Number.isNaN(timeUs)) throw new RowFault('Timestamp is not a time')
  const promptTokens = asCount(field('Request tokens'), 'Request tokens')
  const outputTokens = asCount(field('Response tokens'), 'Response tokens')
  const elapsedUs = secondsUs(optionalNumber(field('Elapsed time'), 'Elapsed time'))
  const sessionId = field('Session ID') ?? ''
  sink.begin(timeUs)
  sink.number('promptTokens', promptTokens)
  sink.number('outputTokens', outputTokens)
  sink.text('tokenSource', 'server')
  sink.text('outcome', outputTokens === 0 ? 'http_error' : 'ok')
  sink.text('model', field('Model') || null)
  sink.text('label', field('Log Type') || null)
  sink.number('e2eUs', elapsedUs)
  if (sessionId !== '') sink.text('session', context.label('session', sessionId))
}
