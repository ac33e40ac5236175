/** Every format that can be read, in the order in which their marks are looked for. Pure. */
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
import type { Head } from './head.ts'
import type { Importer } from './importer.ts'
import { inferenceSim } from './inference-sim.ts'
import { litellm, litellmLines } from './litellm.ts'
import { llmservingsim, llmservingsimResult, llmservingsimTable } from './llmservingsim.ts'
import { lmcache } from './lmcache.ts'
import { mooncake } from './mooncake.ts'
import { otel, otelLines } from './otel.ts'
import { ragpulse } from './ragpulse.ts'
import { rowsArrow, rowsCsv, rowsJsonl, rowsParquet } from './rows-reader.ts'
import { sagemaker } from './sagemaker.ts'
import { satf } from './satf.ts'
import { sessionCsv } from './session-csv.ts'
import { splitwise, vidur } from './simulator-csv.ts'
import { tracelab } from './tracelab.ts'
import { trafficlens } from './trafficlens.ts'
import { weka, wekaLines } from './weka.ts'

/** Marks that are more particular come first: a later format may have the same keys and fewer. */
export const IMPORTERS: readonly Importer[] = [
  rowsParquet,
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
  litellmLines,
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
  return IMPORTERS.find((importer) => importer.recognises(head)) ?? null
}
