/** What `trace convert` can be told. Parsed once, here; later code trusts the type. */
import { TraceError } from '../base/errors.ts'
import { parseChoice } from '../base/parse.ts'
import { CONSUMERS, type Consumer } from './exporter.ts'
import { EXPORTERS } from './exporters.ts'
import { US_PER_UNIT, type TimeUnit } from './source-time.ts'

export type ConvertOptions = Readonly<{
  input: string
  output: string
  /** Format of the input; null goes by its content. */
  format: string | null
  timeUnit: TimeUnit | null
  isStrict: boolean
  isForced: boolean
  /** Format of the output; null goes by its ending. */
  target: string | null
  consumer: Consumer | null
}>

export type RawConvertOptions = Readonly<{
  format?: string
  timeUnit?: string
  to?: string
  for?: string
  strict?: boolean
  force?: boolean
}>

/** @throws TraceError BAD_OPTION, naming the first flag that is wrong */
export function parseConvertOptions(
  input: string,
  output: string,
  raw: RawConvertOptions,
): ConvertOptions {
  const units = Object.keys(US_PER_UNIT) as TimeUnit[]
  const names = EXPORTERS.map(({ name }) => name)
  const consumer = raw.for === undefined ? null : parseChoice('--for', raw.for, CONSUMERS)
  const target = raw.to === undefined ? null : parseChoice('--to', raw.to, names)
  if (consumer !== null && target !== null && target !== 'mooncake') {
    throw new TraceError('BAD_OPTION', `--for goes with --to mooncake, not with ${target}`)
  }
  return {
    input,
    output,
    format: raw.format ?? null,
    timeUnit: raw.timeUnit === undefined ? null : parseChoice('--time-unit', raw.timeUnit, units),
    isStrict: raw.strict === true,
    isForced: raw.force === true,
    target: consumer === null ? target : 'mooncake',
    consumer,
  }
}
