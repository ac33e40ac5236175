/** BurstGPT v1 (6 columns) and v2 (Session ID and Elapsed time inserted). Pure. */
import { splitCsv } from './csv-text.ts'
import { asCount, optionalNumber, secondsUs } from './fields.ts'
import { hasColumns, type Head } from './head.ts'
import type { ImportContext, LineImporter, LineReader } from './importer.ts'
import { RowFault } from './row-fault.ts'
import { parseUnitUs } from './source-time.ts'

export const burstgpt: LineImporter = {
  name: 'burstgpt',
  title: 'BurstGPT v1 and v2 CSV',
  unit: 'line',
  recognises: (head) => hasColumns(head, 'Timestamp', 'Request tokens', 'Response tokens'),
  begin: (context, head) => burstReader(context, head),
}

function burstReader(context: ImportContext, head: Head): LineReader {
  const { sink } = context
  const at = (name: string) => head.columns.indexOf(name)
  const [time, input, output] = [at('Timestamp'), at('Request tokens'), at('Response tokens')]
  const [model, session, elapsed] = [at('Model'), at('Session ID'), at('Elapsed time')]
  const kind = at('Log Type')
  let isHeader = true
  return {
    line(text) {
      if (isHeader) {
        isHeader = false
        return
      }
      const fields = splitCsv(text)
      const timeUs = parseUnitUs(fields[time], context.unit('s'))
      if (Number.isNaN(timeUs)) throw new RowFault('Timestamp is not a number')
      const promptTokens = asCount(fields[input], 'Request tokens')
      const outputTokens = asCount(fields[output], 'Response tokens')
      const elapsedUs = secondsUs(optionalNumber(fields[elapsed], 'Elapsed time'))
      const sessionId = fields[session] ?? ''
      sink.begin(timeUs)
      sink.number('promptTokens', promptTokens)
      sink.number('outputTokens', outputTokens)
      sink.text('tokenSource', 'server')
      sink.text('outcome', outputTokens === 0 ? 'http_error' : 'ok')
      sink.text('model', fields[model] || null)
      sink.text('label', fields[kind] || null)
      sink.number('e2eUs', elapsedUs)
      if (sessionId !== '') sink.text('session', context.label('session', sessionId))
    },
    end() {
      context.note('times have a resolution of 1 s; rows without response tokens are failures')
    },
  }
}
