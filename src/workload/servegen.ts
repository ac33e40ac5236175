/** Reads a folder of ServeGen client parameters as a workload: one class for each client and period. */
import { join } from 'node:path'
import { TraceError } from '../base/errors.ts'
import { listFolder, readText } from '../base/files.ts'
import type { ArrivalProcess } from './arrival-process.ts'
import type { PerfReading } from './inference-perf.ts'
import { fixedLaw, type Law } from './law.ts'
import type { ArrivalStage, ClientClass, SynthModel } from './synth-model.ts'

const TRACE_NAME = /^(chunk-\d+)-trace\.csv$/
/** Each line of a client's trace speaks of so long. */
const WINDOW_US = 600_000_000

export async function isPoolFolder(path: string): Promise<boolean> {
  const names = await listFolder(path)
  return names?.some((name) => TRACE_NAME.test(name)) ?? false
}

/** @throws TraceError BAD_OPTION naming the file that is not as it should be */
export async function readPool(folder: string, reading: PerfReading): Promise<SynthModel> {
  if (reading === 'executed') {
    throw new TraceError('BAD_OPTION', '--as executed is for files of inference-perf')
  }
  const names = (await listFolder(folder)) ?? []
  const classes: ClientClass[] = []
  const notes = ['read as a ServeGen pool; prompt and answer are drawn independently of each other']
  let endUs = 0
  for (const [, client] of names.map((name) => TRACE_NAME.exec(name) ?? [])) {
    if (client === undefined) continue
    if (!names.includes(`${client}-dataset.json`)) {
      notes.push(`${client}: left out, its sizes (dataset.json) are not there`)
      continue
    }
    const tracePath = join(folder, `${client}-trace.csv`)
    const stages = readStages(await readText('the pool', tracePath), tracePath)
    const sizesPath = join(folder, `${client}-dataset.json`)
    const periods = readPeriods(await readText('the pool', sizesPath), sizesPath)
    endUs = Math.max(endUs, ...stages.map(({ startUs, durationUs }) => startUs + durationUs))
    classes.push(...clientClasses(client, stages, periods))
  }
  return { seed: '1', durationUs: endUs, classes, notes }
}

/** Columns: start in s, requests per s, CV of the gaps, law, its shape, its scale. */
function readStages(text: string, path: string): ArrivalStage[] {
  return text
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .flatMap((line, index) => {
      const [start, rate, , law, shape] = line.split(',')
      const arrivals = processOf(Number(rate), law ?? '', Number(shape))
      if (arrivals === null || !(Number(start) >= 0)) {
        throw new TraceError(
          'BAD_OPTION',
          `${path}: line ${index + 1} is not start, rate, CV, law, shape, scale`,
        )
      }
      if (Number(rate) === 0) return []
      return [{ startUs: Number(start) * 1e6, durationUs: WINDOW_US, arrivals }]
    })
}

function processOf(rate: number, law: string, shape: number): ArrivalProcess | null {
  if (!(rate >= 0)) return null
  if (law === 'Gamma' && shape > 0) return { process: 'gamma', rate, cv: 1 / Math.sqrt(shape) }
  if (law === 'Weibull' && shape > 0) return { process: 'weibull', rate, shape }
  return law === '' ? { process: 'poisson', rate } : null
}

type Period = Readonly<{ startUs: number; input: Law; output: Law }>

/** { start in s: { field: "{value: probability, …}" } }; the map in the text is Python's. */
function readPeriods(text: string, path: string): Period[] {
  const periods = parseJson(text, path)
  return Object.entries(periods)
    .map(([start, fields]) => ({
      startUs: Number(start) * 1e6,
      input: lawOf(fields['input_tokens'] ?? fields['text_tokens'], path),
      output: lawOf(fields['output_tokens'], path),
    }))
    .toSorted((a, b) => a.startUs - b.startUs)
}

function parseJson(text: string, path: string): Record<string, Record<string, unknown>> {
  try {
    return JSON.parse(text) as Record<string, Record<string, unknown>>
  } catch (error) {
    throw new TraceError('BAD_OPTION', `${path} is not JSON`, { cause: error })
  }
}

function lawOf(value: unknown, path: string): Law {
  if (typeof value !== 'string') {
    throw new TraceError('BAD_OPTION', `${path} has no sizes of prompts or of answers`)
  }
  const entries = [...value.matchAll(/([\d.]+)\s*:\s*([\d.eE+-]+)/g)]
  const values = entries.map(([, size]) => Number(size))
  const weights = entries.map(([, , share]) => Number(share))
  if (!weights.some((weight) => weight > 0)) return fixedLaw(0)
  return { law: 'empirical', values, weights, min: 0, max: Number.MAX_VALUE }
}

/** A client's sizes change from period to period, so each period is a class of the same tenant. */
function clientClasses(
  client: string,
  stages: readonly ArrivalStage[],
  periods: readonly Period[],
): ClientClass[] {
  return periods.flatMap((period, index) => {
    const endUs = periods[index + 1]?.startUs ?? Infinity
    const own = stages.filter(({ startUs }) => startUs >= period.startUs && startUs < endUs)
    if (own.length === 0) return []
    return [
      {
        name: `${client} from ${period.startUs / 3.6e9} h`,
        tenant: client,
        model: null,
        endpoint: 'chat',
        isStream: true,
        priority: null,
        clients: 1,
        stages: own,
        curve: null,
        turns: fixedLaw(1),
        thinkSec: fixedLaw(0),
        systemPrompt: null,
        sizes: { kind: 'laws', input: period.input, output: period.output },
        isGrowingPrompt: false,
        questionsPerGroup: null,
        hangUps: null,
        tokensPerSec: 50,
      },
    ]
  })
}
