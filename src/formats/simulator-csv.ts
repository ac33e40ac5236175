/** CSV of the simulators: Vidur and splitwise-sim. Pure. */
import { csvReader } from './csv-table.ts'
import { asCount, optionalCount } from './fields.ts'
import { hasColumns } from './head.ts'
import type { ImportContext, LineImporter } from './importer.ts'
import { RowFault } from './row-fault.ts'
import { parseUnitUs } from './source-time.ts'

export const vidur: LineImporter = {
  name: 'vidur',
  title: 'Vidur processed CSV',
  unit: 'line',
  recognises: (head) => hasColumns(head, 'num_prefill_tokens', 'num_decode_tokens'),
  begin: (context, head) =>
    csvReader(head, (field) => {
      const text = field('arrived_at')
      if (text === undefined) {
        context.note('the file has lengths only: every request arrives at 0')
      }
      const timeUs = text === undefined ? 0 : parseUnitUs(text, context.unit('s'))
      const input = asCount(field('num_prefill_tokens'), 'num_prefill_tokens')
      lengths(context, timeUs, input, asCount(field('num_decode_tokens'), 'num_decode_tokens'))
    }),
}

export const splitwise: LineImporter = {
  name: 'splitwise',
  title: 'splitwise-sim CSV',
  unit: 'line',
  recognises: (head) => hasColumns(head, 'arrival_timestamp', 'prompt_size', 'token_size'),
  begin: (context, head) =>
    csvReader(head, (field) => {
      const timeUs = parseUnitUs(field('arrival_timestamp'), context.unit('s'))
      const input = asCount(field('prompt_size'), 'prompt_size')
      const output = asCount(field('token_size'), 'token_size')
      const inputs = optionalCount(field('batch_size'), 'batch_size')
      const application = field('application_id') ?? ''
      lengths(context, timeUs, input, output)
      context.sink.number('inputCount', inputs)
      if (application !== '') context.sink.text('tenant', context.label('tenant', application))
    }),
}

function lengths(context: ImportContext, timeUs: number, input: number, output: number): void {
  if (Number.isNaN(timeUs)) throw new RowFault('the arrival is not a number')
  const { sink } = context
  sink.begin(timeUs)
  sink.number('promptTokens', input)
  sink.number('outputTokens', output)
  sink.text('tokenSource', 'tokenizer')
  if (output === 0) sink.text('outcome', 'http_error')
}
