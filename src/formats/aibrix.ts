/** AIBrix workload JSONL: each line is a batch of requests that arrive together. Pure. */
import {
  asList,
  asRecord,
  optionalCount,
  optionalId,
  optionalText,
  type JsonRecord,
} from './fields.ts'
import { hasKeys } from './head.ts'
import { jsonLines, type ImportContext, type LineImporter } from './importer.ts'
import { hashingOf } from './block-ids.ts'
import { RowFault } from './row-fault.ts'
import { parseUnitUs } from './source-time.ts'

export const aibrix: LineImporter = {
  name: 'aibrix',
  title: 'AIBrix workload JSONL',
  unit: 'line',
  recognises: ({ record }) => hasKeys(record, 'timestamp', 'requests'),
  begin: (context) => jsonLines((record) => aibrixLine(record, context)),
}

function aibrixLine(record: JsonRecord, context: ImportContext): void {
  const timeUs = parseUnitUs(record['timestamp'], context.unit('ms'))
  if (Number.isNaN(timeUs)) throw new RowFault('timestamp is not a number')
  for (const item of asList(record['requests'], 'requests')) {
    try {
      aibrixRow(asRecord(item, 'a request'), timeUs, context)
    } catch (error) {
      if (!(error instanceof RowFault)) throw error
      context.fault(error.message)
    }
  }
}

/** Names differ between its versions, and lengths may be null: then the text tells, if it is there. */
function aibrixRow(record: JsonRecord, timeUs: number, context: ImportContext): void {
  const { sink, text } = context
  const promptText = typeof record['prompt'] === 'string' ? Buffer.from(record['prompt']) : null
  const told = optionalCount(record['Prompt Length'] ?? record['prompt_length'], 'prompt_length')
  const input = told ?? (promptText === null ? null : text.estimate(promptText.length))
  const output = optionalCount(record['Output Length'] ?? record['output_length'], 'output_length')
  if (input === null) throw new RowFault('neither length nor text of the prompt is there')
  const session = optionalId(record['session_id'])
  sink.begin(timeUs)
  sink.text('model', optionalText(record['model']))
  sink.number('promptTokens', input)
  sink.number('outputTokens', output)
  sink.text('tokenSource', told === null ? 'estimate' : 'tokenizer')
  if (output === 0) sink.text('outcome', 'http_error')
  if (session !== null) sink.text('session', context.label('session', session))
  if (promptText === null) return
  context.header.hashing = hashingOf(null)
  text.add(promptText, input)
}
