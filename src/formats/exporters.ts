/** Every format that can be written; the order is that of the document. Pure. */
import { agenticWriter } from './agentic-writer.ts'
import { azureWriter } from './azure-writer.ts'
import { bailianWriter } from './bailian-writer.ts'
import type { Exporter } from './exporter.ts'
import { inferenceSimWriter } from './inference-sim-writer.ts'
import { mooncakeWriter } from './mooncake-writer.ts'
import { perfSummaryWriter } from './perf-summary-writer.ts'
import { csvWriter, jsonlWriter, parquetWriter } from './rows-writer.ts'
import { satfWriter } from './satf-writer.ts'

export const EXPORTERS: readonly Exporter[] = [
  mooncakeWriter,
  agenticWriter,
  satfWriter,
  bailianWriter,
  azureWriter,
  inferenceSimWriter,
  perfSummaryWriter,
  parquetWriter,
  csvWriter,
  jsonlWriter,
]
