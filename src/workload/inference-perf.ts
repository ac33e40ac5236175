/** Reads the YAML of inference-perf, v0.2.0 and later, as a workload of ours. Pure. */
import { TraceError } from '../base/errors.ts'
import type { EndpointName } from '../trace/columns.ts'
import { Fields } from './config-fields.ts'
import { perfData, type PerfData } from './inference-perf-data.ts'
import { ineffectiveKeys } from './inference-perf-keys.ts'
import { perfStages, type PerfLoad } from './inference-perf-load.ts'
import type { ClientClass, SynthModel } from './synth-model.ts'

/**
 * - written: what the file says
 * - executed: what that tool does with it: `std` unread and 200 instead, "constant" and "poisson"
 *   conditioned on their counts, every prompt the beginning of one text
 */
export type PerfReading = 'written' | 'executed'

/** True for a document that only inference-perf would have written. */
export function isInferencePerf(document: unknown): boolean {
  const keys = Object.keys(document ?? {})
  return keys.includes('load') && (keys.includes('data') || keys.includes('api'))
}

const ENDPOINTS: Readonly<Record<string, EndpointName>> = {
  completion: 'completions',
  chat: 'chat',
  anthropic_messages: 'messages',
}

/** @throws TraceError BAD_OPTION for what cannot be made without a server or a data set */
export function readInferencePerf(
  document: unknown,
  where: string,
  options: Readonly<{ reading: PerfReading; saturationPerSec: number | null }>,
): SynthModel {
  const { reading } = options
  const file = new Fields(document, where)
  const notes: string[] = []
  const api = file.childOrNone('api')
  const apiType = api.text('type', 'completion')
  const endpoint = Object.hasOwn(ENDPOINTS, apiType) ? ENDPOINTS[apiType] : undefined
  if (endpoint === undefined)
    throw api.fault('type', 'wants completion, chat or anthropic_messages')
  const data = perfData(file.childOrNone('data'), reading, notes)
  if (endpoint === 'chat' && data.isCompletionOnly) {
    notes.push(
      'inference-perf itself refuses this data with api.type chat; here it is sent as chat',
    )
  }
  const load = perfStages(file.child('load'), options, notes)
  const server = file.childOrNone('server')
  const model = server.has('model_name') ? server.text('model_name') : null
  const isStream = api.flag('streaming', false)
  const classes = adapters(file.child('load')).map(({ name, share }) =>
    classOf({ name: name ?? model, share, endpoint, isStream, data, load }),
  )
  const seed = file.child('load').has('base_seed') ? file.child('load').text('base_seed') : '1'
  const head = [`read as inference-perf, as ${reading}`, ...ineffectiveKeys(file.unreadPaths())]
  return { seed, durationUs: load.horizonUs, classes, notes: [...head, ...notes] }
}

type Adapter = Readonly<{ name: string | null; share: number }>

/** `lora_traffic_split`: one class for each adapter, which is asked for by its name. */
function adapters(load: Fields): Adapter[] {
  if (!load.has('lora_traffic_split')) return [{ name: null, share: 1 }]
  return load.children('lora_traffic_split').map((fields) => ({
    name: fields.text('name'),
    share: fields.number('split', undefined, 0),
  }))
}

function classOf(
  parts: Readonly<{
    name: string | null
    share: number
    endpoint: EndpointName
    isStream: boolean
    data: PerfData
    load: PerfLoad
  }>,
): ClientClass {
  const { name, share, endpoint, isStream, data, load } = parts
  if (!(share > 0))
    throw new TraceError('BAD_OPTION', 'lora_traffic_split: split wants more than 0')
  return {
    name: share === 1 ? 'inference-perf' : `inference-perf ${name ?? ''}`,
    tenant: 'inference-perf',
    model: name,
    endpoint,
    isStream,
    priority: null,
    clients: 1,
    stages: load.stages.map((stage) => ({ ...stage, arrivals: thinned(stage.arrivals, share) })),
    curve: null,
    hangUps: null,
    tokensPerSec: 50,
    ...data.client,
  }
}

function thinned(
  process: PerfLoad['stages'][number]['arrivals'],
  share: number,
): PerfLoad['stages'][number]['arrivals'] {
  if (process.process === 'at once') return { ...process, count: Math.round(process.count * share) }
  return { ...process, rate: process.rate * share }
}

/**
 * The configuration inside a file of Kubernetes documents: a ConfigMap's text, or a document that is
 * one itself.
 *
 * @param parse YAML text to plain data
 */
export function unwrapConfigMap(
  documents: readonly unknown[],
  where: string,
  parse: (text: string, where: string) => unknown,
): Readonly<{ document: unknown; where: string }> | null {
  for (const document of documents) {
    if (isInferencePerf(document)) return { document, where }
    const { kind, data } = (document ?? {}) as { kind?: unknown; data?: unknown }
    if (kind !== 'ConfigMap' || typeof data !== 'object' || data === null) continue
    for (const [name, text] of Object.entries(data)) {
      if (typeof text !== 'string' || !/\.ya?ml$/.test(name)) continue
      const inner = parse(text, `${where}: ${name}`)
      if (isInferencePerf(inner)) return { document: inner, where: `${where}: ${name}` }
    }
  }
  return null
}
