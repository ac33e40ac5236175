/** Every format that can be written. Pure. */
import { CONSUMERS, type Consumer, type Exporter } from './exporter.ts'
import { mooncakeWriter } from './mooncake-writer.ts'
import { csvWriter, jsonlWriter, parquetWriter } from './rows-writer.ts'

export { CONSUMERS, type Consumer }

export const EXPORTERS: readonly Exporter[] = [
  mooncakeWriter,
  parquetWriter,
  csvWriter,
  jsonlWriter,
]
