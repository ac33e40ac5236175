/** Service level objectives: 'ttft.p99<500ms', 'error_rate<1%', and the presets of MLPerf inference. Pure. */
import { TraceError } from '../base/errors.ts'
import { parseDurationUs, parseShare } from '../base/parse.ts'
import { parseQuantity, type Quantity } from './quantity.ts'

export type Objective = Readonly<{
  text: string
  quantity: Quantity
  /** µs for latencies, a share for the error rate, 1/s for rates of work. */
  limit: number
  /** A rate of work is to stay above its limit; everything else below. */
  isFloor: boolean
  /** Not even the limit itself will do. */
  isStrict: boolean
}>

/** p99 of TTFT and TPOT in ms, as MLPerf inference asks of its server scenarios. */
const MLPERF: ReadonlyMap<string, readonly [ttftMs: number, tpotMs: number]> = new Map([
  ['llama2-70b', [2_000, 200]],
  ['llama2-70b-interactive', [450, 40]],
  ['llama3.1-8b', [2_000, 100]],
  ['llama3.1-8b-interactive', [500, 30]],
  ['llama3.1-405b', [6_000, 175]],
  ['llama3.1-405b-interactive', [4_500, 80]],
  ['deepseek-r1', [2_000, 80]],
  ['deepseek-r1-interactive', [1_500, 15]],
  ['gpt-oss-120b', [3_000, 80]],
  ['gpt-oss-120b-interactive', [2_000, 15]],
  ['mixtral-8x7b', [2_000, 200]],
])

/**
 * @param text one objective, or the name of a preset such as 'mlperf:llama3.1-8b'
 * @throws TraceError BAD_OPTION
 */
export function parseObjectives(text: string): Objective[] {
  if (text.startsWith('mlperf:')) {
    const preset = MLPERF.get(text.slice('mlperf:'.length))
    if (!preset) {
      throw new TraceError('BAD_OPTION', `--slo: there is no preset '${text}'`, {
        hint: `Presets: ${[...MLPERF.keys()].map((name) => `mlperf:${name}`).join(', ')}.`,
      })
    }
    return [`ttft.p99<=${preset[0]}ms`, `tpot.p99<=${preset[1]}ms`].map(parseObjective)
  }
  return [parseObjective(text)]
}

/** One objective a line; empty lines and lines that begin with # are passed over. */
export function parseObjectiveFile(content: string): Objective[] {
  return content
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap(parseObjectives)
}

function parseObjective(text: string): Objective {
  const [, name = '', sign = '', limitText = ''] =
    /^([\w.]+)\s*(<=|<|>=|>)\s*(\S+)$/.exec(text) ?? []
  if (name === '') {
    throw new TraceError(
      'BAD_OPTION',
      `--slo wants an objective such as 'ttft.p99<500ms', got '${text}'`,
    )
  }
  const quantity = parseQuantity('--slo', name)
  const isFloor = quantity.kind === 'rate' && quantity.name !== 'error_rate'
  if (isFloor !== sign.startsWith('>')) {
    throw new TraceError(
      'BAD_OPTION',
      `--slo '${text}': ${name} is to stay ${isFloor ? 'above' : 'below'} its limit`,
    )
  }
  const limit = limitOf(quantity, limitText)
  return { text, quantity, limit, isFloor, isStrict: !sign.endsWith('=') }
}

function limitOf(quantity: Quantity, text: string): number {
  if (quantity.kind === 'latency') return parseDurationUs('--slo', text)
  if (quantity.name === 'error_rate') return errorShareOf(text)
  const perSecond = Number(text.replace(/\/s$/, ''))
  if (perSecond > 0) return perSecond
  throw new TraceError('BAD_OPTION', `--slo wants a rate such as 100/s, got '${text}'`)
}

/** A bare number from 1 on was meant as percent: as a share it is everything. */
function errorShareOf(text: string): number {
  if (!text.endsWith('%') && Number(text) >= 1) {
    throw new TraceError('BAD_OPTION', `--slo wants a share such as 1% or 0.01, got '${text}'`, {
      hint: `Did you mean error_rate<${text}%?`,
    })
  }
  return parseShare('--slo', text)
}
