/** Every format that can be read, in the order in which their marks are looked for. Pure. */
import { TraceError } from '../base/errors.ts'
import { accessLog } from './access-log.ts'
import { agenticMooncake } from './agentic-mooncake.ts'
import { aibrix } from './aibrix.ts'
import { azure } from './azure.ts'
import { bailian } from './bailian.ts'
import { baseten } from './baseten.ts'
import { aiperf, guidellm, inferencePerf, vllmBench } from './bench-result.ts'
import { burstgpt } from './burstgpt.ts'
import { dynamo } from './dynamo.ts'
import { har } from './har.ts'
import type { JsonRecord } from './fields.ts'
import { headOfRecords, type Head } from './head.ts'
import type { Importer, LineImporter } from './importer.ts'
import { inferenceSim } from './inference-sim.ts'
import { litellm } from './litellm.ts'
import { llmservingsim, llmservingsimResult, llmservingsimTable } from './llmservingsim.ts'
import { lmcache } from './lmcache.ts'
import { mooncake } from './mooncake.ts'
import { otel, otelLines } from './otel.ts'
import { isParquet } from './parquet-file.ts'
import { asDocument, firstOfList } from './record-list.ts'
import { ragpulse } from './ragpulse.ts'
import { parquetOf, rowsArrow, rowsCsv, rowsJsonl } from './rows-reader.ts'
import { sagemaker } from './sagemaker.ts'
import { satf } from './satf.ts'
import { sessionCsv } from './session-csv.ts'
import { splitwise, vidur } from './simulator-csv.ts'
import { tracelab } from './tracelab.ts'
import { trafficlens } from './trafficlens.ts'
import { weka, wekaLines } from './weka.ts'

const parquet = parquetOf(findRecordImporter)

/** Marks that are more particular come first: a later format may have the same keys and fewer. */
export const IMPORTERS: readonly Importer[] = [
  parquet,
  baseten,
  rowsArrow,
  rowsCsv,
  rowsJsonl,
  azure,
  burstgpt,
  inferenceSim,
  sessionCsv,
  vidur,
  splitwise,
  litellm,
  trafficlens,
  dynamo,
  agenticMooncake,
  satf,
  ragpulse,
  bailian,
  mooncake,
  tracelab,
  llmservingsimResult,
  llmservingsim,
  llmservingsimTable,
  lmcache,
  aibrix,
  sagemaker,
  wekaLines,
  weka,
  aiperf,
  vllmBench,
  guidellm,
  har,
  otelLines,
  otel,
  inferencePerf,
  accessLog,
]

export function findImporter(head: Head): Importer | null {
  const importer = IMPORTERS.find(({ recognises }) => recognises(head))
  if (importer !== undefined) return importer
  const first = firstOfList(head)
  const ofList = first === null ? null : findRecordImporter(first)
  return ofList === null ? null : asDocument(ofList)
}

/** The format of which this would be a line. */
function findRecordImporter(record: JsonRecord): LineImporter | null {
  const head = headOfRecords([record])
  const lines = IMPORTERS.filter((importer) => importer.unit === 'line')
  return lines.find((importer) => importer.recognises(head)) ?? null
}

/** @throws TraceError BAD_OPTION for a name that none has */
export function namedImporter(format: string, head: Head): Importer {
  const importer = IMPORTERS.find(({ name }) => name === format)
  if (importer === undefined) {
    const known = IMPORTERS.map(({ name }) => name).join(', ')
    throw new TraceError('BAD_OPTION', `--format wants one of ${known}, got '${format}'`)
  }
  if (isParquet(head)) return parquet
  return importer.unit === 'line' && firstOfList(head) !== null ? asDocument(importer) : importer
}
