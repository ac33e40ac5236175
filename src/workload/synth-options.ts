/** What `trace synth` can be told. Parsed once, here. */
import { TraceError } from '../base/errors.ts'
import { parseChoice, parseDurationUs, parseFactor } from '../base/parse.ts'
import type { PerfReading } from './inference-perf.ts'
import type { SynthModel } from './synth-model.ts'

export const SYNTH_FLAGS = {
  as: {
    flags: '--as <written|executed>',
    description: 'inference-perf: what its file says, or what that tool does with it',
    default: 'written',
  },
  saturation: {
    flags: '--saturation <rate>',
    description: 'inference-perf sweeps: requests a second at which to end',
  },
  seed: { flags: '--seed <text>', description: 'same configuration and seed: same trace' },
  duration: { flags: '--duration <duration>', description: 'instead of what the file says' },
  clients: {
    flags: '--clients <factor>',
    description: 'clients over those of the file, each as before',
    default: '1x',
  },
  force: { flags: '--force', description: 'replace the output if it exists' },
} as const

export type RawSynthOptions = {
  as: string
  clients: string
  saturation?: string
  seed?: string
  duration?: string
  force?: boolean
}

export type SynthOptions = Readonly<{
  reading: PerfReading
  /** null: not said. */
  saturationPerSec: number | null
  seed: string | null
  durationUs: number | null
  clientFactor: number
  force: boolean
}>

/** @throws TraceError BAD_OPTION, naming the first flag that is wrong */
export function parseSynthOptions(raw: RawSynthOptions): SynthOptions {
  return {
    reading: parseChoice('--as', raw.as, ['written', 'executed']),
    saturationPerSec: raw.saturation === undefined ? null : saturationOf(raw.saturation),
    seed: raw.seed ?? null,
    durationUs: raw.duration === undefined ? null : parseDurationUs('--duration', raw.duration),
    clientFactor: parseFactor('--clients', raw.clients),
    force: raw.force === true,
  }
}

function saturationOf(text: string): number {
  const perSec = Number(text)
  if (perSec >= 1 && perSec < Infinity) return perSec
  throw new TraceError(
    'BAD_OPTION',
    `--saturation wants requests a second from 1 on, got '${text}'`,
  )
}

/**
 * The model with what the flags say. More clients are more independent ones; their number is rounded
 * up, so that no class disappears.
 */
export function withOptions(model: SynthModel, options: SynthOptions): SynthModel {
  const { durationUs } = options
  return {
    ...model,
    seed: options.seed ?? model.seed,
    durationUs: durationUs ?? model.durationUs,
    classes: model.classes.map((of) => ({
      ...of,
      clients: Math.ceil(of.clients * options.clientFactor),
      stages:
        durationUs !== null && of.stages.length === 1
          ? of.stages.map((stage) => ({ ...stage, durationUs }))
          : of.stages,
    })),
  }
}
