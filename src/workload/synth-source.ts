/** Finds out what kind of configuration a file is, and reads it as a workload. */
import { readText } from '../base/files.ts'
import { parseYaml, parseYamlDocuments } from '../base/yaml.ts'
import { readInferencePerf, unwrapConfigMap } from './inference-perf.ts'
import { isPoolFolder, readPool } from './servegen.ts'
import { parseSynthModel, type SynthModel } from './synth-model.ts'
import type { SynthOptions } from './synth-options.ts'

/**
 * @param path a configuration of ours, of inference-perf (also inside a ConfigMap), or the folder of
 * a ServeGen pool
 * @throws TraceError BAD_OPTION naming file and place
 */
export async function readSynthSource(
  path: string,
  options: Pick<SynthOptions, 'reading' | 'saturationPerSec'>,
): Promise<SynthModel> {
  if (await isPoolFolder(path)) return readPool(path, options.reading)
  const documents = parseYamlDocuments(await readText('the configuration', path), path)
  const perf = unwrapConfigMap(documents, path, parseYaml)
  if (perf !== null) return readInferencePerf(perf.document, perf.where, options)
  return parseSynthModel(documents[0], path)
}
