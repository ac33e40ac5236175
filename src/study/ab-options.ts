/** What `trace ab` can be told beyond the load and how it is sent. Parsed once, here. */
import { TraceError } from '../base/errors.ts'
import { parseCount, parseDurationUs, parseUrl } from '../base/parse.ts'
import { REPLAY_FLAGS } from '../replay/options.ts'
import { type Gate, parseGate } from '../report/gate.ts'
import { parseWindow, type RawWindow, WINDOW_FLAGS, type WindowWish } from '../report/window.ts'
import { fewestPairs } from '../stats/signed-rank.ts'

export const AB_FLAGS = {
  a: { flags: '--a <url>', description: 'the server that is' },
  b: { flags: '--b <url>', description: 'the server that may be' },
  runs: { flags: '--runs <count>', description: 'runs a side, in pairs A B B A', default: '8' },
  gate: {
    flags: '--gate <change>',
    description: "may be repeated: 'ttft.p99<+10%', 'output_tokens>-5%'",
    isRepeatable: true,
  },
  ...WINDOW_FLAGS,
  keep: { flags: '--keep <folder>', description: 'where the results go', default: 'ab-runs' },
  force: { flags: '--force', description: 'replace results that are there' },
  pause: { flags: '--pause <duration>', description: 'between two runs', default: '500ms' },
} as const

const {
  target: _target,
  out: _out,
  force: _force,
  textSeed: _seed,
  startAt: _start,
  ...SHARED
} = REPLAY_FLAGS
/** How both sides are sent to: everything of `trace replay` that does not differ by run. */
export const AB_REPLAY_FLAGS = SHARED

export type AbOptions = Readonly<{
  a: URL
  b: URL
  runs: number
  gates: readonly Gate[]
  folder: string
  window: WindowWish | null
  pauseUs: number
}>

export type RawAbOptions = RawWindow & {
  a?: string
  b?: string
  runs: string
  gate?: string[]
  keep: string
  pause: string
}

/** @throws TraceError BAD_OPTION; too few runs for the gates is one, with the arithmetic */
export function parseAbOptions(raw: RawAbOptions): AbOptions {
  const gates = (raw.gate ?? []).map(parseGate)
  const runs = parseCount('--runs', raw.runs, 1)
  const level = 0.05 / Math.max(1, gates.length)
  const fewest = fewestPairs(level)
  if (gates.length > 0 && runs < fewest) {
    throw new TraceError(
      'BAD_OPTION',
      `--runs ${runs} cannot decide ${gates.length === 1 ? 'a gate' : `${gates.length} gates`}: ` +
        `${runs} pairs reach p = 2/2^${runs} = ${(2 / 2 ** runs).toPrecision(2)} at best, above ${level.toPrecision(2)}`,
      { hint: `--runs ${fewest} is the least.` },
    )
  }
  return {
    a: parseUrl('--a', needed('--a', raw.a)),
    b: parseUrl('--b', needed('--b', raw.b)),
    runs,
    gates,
    folder: raw.keep,
    window: parseWindow(raw),
    pauseUs: parseDurationUs('--pause', raw.pause),
  }
}

function needed(flag: string, value: string | undefined): string {
  if (value !== undefined) return value
  throw new TraceError('BAD_OPTION', `${flag} is missing: which server?`)
}
