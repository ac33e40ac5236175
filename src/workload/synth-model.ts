/** A workload that was not recorded: its classes of clients, as a configuration says them. Pure. */
import { TraceError } from '../base/errors.ts'
import { parseDurationUs } from '../base/parse.ts'
import { ENDPOINTS, type EndpointName } from '../trace/columns.ts'
import { parseProcess, type ArrivalProcess } from './arrival-process.ts'
import { Fields } from './config-fields.ts'
import { fixedLaw, parseLaw, type Law } from './law.ts'
import type { RateCurve } from './rate-warp.ts'

/** How one process after the other makes the sessions of a client begin. */
export type ArrivalStage = Readonly<{
  startUs: number
  durationUs: number
  arrivals: ArrivalProcess
}>

export type Sizes =
  | Readonly<{ kind: 'laws'; input: Law; output: Law }>
  /** Prompt and answer drawn together: [input, output, weight]. */
  | Readonly<{ kind: 'pairs'; pairs: readonly (readonly [number, number, number])[] }>

export type ClientClass = Readonly<{
  name: string
  tenant: string | null
  model: string | null
  endpoint: EndpointName
  isStream: boolean
  priority: number | null
  /** Independent clients, each with such arrivals. */
  clients: number
  stages: readonly ArrivalStage[]
  /** Factor of the rate over the time of day, or null. */
  curve: RateCurve | null
  turns: Law
  /** Between the end of an answer and the next turn. */
  thinkSec: Law
  /** So many different ones, each shared by all clients of the class; null: none. */
  systemPrompt: Readonly<{ tokens: Law; groups: number }> | null
  /** Of each turn; what was said before comes on top. */
  sizes: Sizes
  /** Each prompt is the beginning of every longer one. */
  isGrowingPrompt: boolean
  /** So many questions are asked again and again, word for word; null: each is new. */
  questionsPerGroup: number | null
  hangUps: Readonly<{ share: number; afterTokens: Law }> | null
  /** How fast answers are taken to be when turns are laid out. */
  tokensPerSec: number
}>

export type SynthModel = Readonly<{
  seed: string
  /** Nothing begins later. */
  durationUs: number
  classes: readonly ClientClass[]
  /** What the reader of the configuration has to tell its user. */
  notes: readonly string[]
}>

/** The whole file: `duration`, `seed`, `classes`. */
export function parseSynthModel(value: unknown, where: string): SynthModel {
  const fields = new Fields(value, where)
  const durationUs = durationOf(fields, 'duration')
  const seed = fields.text('seed', '1')
  const classes = fields
    .list('classes')
    .map((item, index) => parseClass(new Fields(item, `${where}: class ${index + 1}`), durationUs))
  fields.done()
  if (classes.length === 0) throw fields.fault('classes', 'wants at least one class of clients')
  const names = new Set(classes.map(({ name }) => name))
  if (names.size < classes.length) throw fields.fault('classes', 'wants a different name for each')
  return { seed, durationUs, classes, notes: [] }
}

function durationOf(fields: Fields, key: string): number {
  const durationUs = parseDurationUs(`${fields.where}: ${key}`, fields.text(key))
  if (durationUs > 0) return durationUs
  throw fields.fault(key, 'wants a duration above 0')
}

function parseClass(fields: Fields, durationUs: number): ClientClass {
  const name = fields.text('name')
  const law = (key: string, fallback: Law) => (fields.has(key) ? lawIn(fields, key) : fallback)
  const parsed: ClientClass = {
    name,
    tenant: fields.text('tenant', name),
    model: fields.has('model') ? fields.text('model') : null,
    endpoint: endpointOf(fields),
    isStream: fields.flag('stream', true),
    priority: fields.has('priority') ? fields.number('priority') : null,
    clients: fields.number('clients', 1, 1),
    stages: parseStages(fields, durationUs),
    curve: fields.has('rate_curve') ? parseCurve(fields) : null,
    turns: law('turns', fixedLaw(1)),
    thinkSec: law('think_s', fixedLaw(0)),
    systemPrompt: fields.has('system_prompt')
      ? parseSystemPrompt(fields.child('system_prompt'))
      : null,
    sizes: parseSizes(fields),
    isGrowingPrompt: false,
    questionsPerGroup: null,
    hangUps: fields.has('hang_ups') ? parseHangUps(fields.child('hang_ups')) : null,
    tokensPerSec: fields.number('tokens_per_s', 50, 1),
  }
  fields.done()
  if (parsed.curve !== null && parsed.stages.length > 1) {
    throw fields.fault('rate_curve', 'goes with one process, not with a list of them')
  }
  return parsed
}

function endpointOf(fields: Fields): EndpointName {
  const text = fields.text('endpoint', 'chat')
  const endpoint = ENDPOINTS.find((name) => name === text && name !== 'other')
  if (endpoint === undefined) {
    throw fields.fault('endpoint', `wants one of ${ENDPOINTS.slice(0, -1).join(', ')}`)
  }
  return endpoint
}

/** `arrivals`: one process for the whole time, or a list with a `for` each, one after the other. */
function parseStages(fields: Fields, durationUs: number): ArrivalStage[] {
  const value = fields.value('arrivals')
  if (!Array.isArray(value)) {
    const process = new Fields(value, `${fields.where}: arrivals`)
    const arrivals = parseProcess(process)
    process.done()
    return [{ startUs: 0, durationUs, arrivals }]
  }
  let startUs = 0
  return (value as unknown[]).map((item, index) => {
    const stage = new Fields(item, `${fields.where}: arrivals ${index + 1}`)
    const parsed = { startUs, durationUs: durationOf(stage, 'for'), arrivals: parseProcess(stage) }
    stage.done()
    startUs += parsed.durationUs
    return parsed
  })
}

/** `rate_curve`: [[0h, 0.4], [14h, 1.6], [24h, 0.4]], straight lines between. */
function parseCurve(fields: Fields): RateCurve {
  const points = fields.list('rate_curve').map((point, index) => {
    const [at, factor] = Array.isArray(point) ? (point as unknown[]) : []
    const where = `${fields.where}: rate_curve ${index + 1}`
    if (typeof at !== 'string' && at !== 0)
      throw new TraceError('BAD_OPTION', `${where} wants [10m, 1.5]`)
    if (typeof factor !== 'number' || !(factor > 0)) {
      throw new TraceError('BAD_OPTION', `${where} wants a factor above 0`)
    }
    return { atUs: parseDurationUs(where, String(at)), factor }
  })
  const isAscending = points.every(({ atUs }, index) => atUs >= (points[index - 1]?.atUs ?? 0))
  if (points.length === 0 || !isAscending)
    throw fields.fault('rate_curve', 'wants ascending instants')
  return {
    atUs: Float64Array.from(points, ({ atUs }) => atUs),
    factor: Float64Array.from(points, ({ factor }) => factor),
  }
}

function parseSystemPrompt(fields: Fields): ClientClass['systemPrompt'] {
  const tokens = lawIn(fields, 'tokens')
  const groups = fields.number('groups', 1, 1)
  fields.done()
  return { tokens, groups }
}

function parseSizes(fields: Fields): Sizes {
  if (!fields.has('pairs')) {
    return {
      kind: 'laws',
      input: lawIn(fields, 'input'),
      output: parseLaw(fields.value('output') ?? 0, `${fields.where}: output`),
    }
  }
  const pairs = fields.list('pairs').map((pair): readonly [number, number, number] => {
    const [input, output, weight = 1] = Array.isArray(pair) ? (pair as number[]) : []
    if (input !== undefined && output !== undefined && input >= 0 && output >= 0 && weight > 0) {
      return [input, output, weight]
    }
    throw fields.fault('pairs', 'wants lists such as [1024, 256] or [1024, 256, weight]')
  })
  if (pairs.length === 0) throw fields.fault('pairs', 'wants at least one')
  return { kind: 'pairs', pairs }
}

function parseHangUps(fields: Fields): ClientClass['hangUps'] {
  const share = fields.number('share', undefined, 0)
  const afterTokens = lawIn(fields, 'after_tokens')
  fields.done()
  if (share > 1) throw fields.fault('share', 'wants a number between 0 and 1')
  return { share, afterTokens }
}

function lawIn(fields: Fields, key: string): Law {
  if (!fields.has(key))
    throw fields.unfit(key, 'a number, or a law such as { law: poisson, mean: 3 }')
  return parseLaw(fields.value(key), `${fields.where}: ${key}`)
}
