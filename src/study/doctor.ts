/**
 * `trace doctor`: what this machine can measure, and whether a target answers. Effects: through the
 * checks that it runs; it changes nothing.
 */
import { TraceError } from '../base/errors.ts'
import type { World } from '../base/world.ts'
import { type HereReport, checkHere } from './doctor-here.ts'
import type { DoctorOptions } from './doctor-options.ts'
import { type TargetReport, checkTarget } from './doctor-target.ts'
import { formatHere, formatTarget } from './doctor-text.ts'

export type DoctorReport = Readonly<{ here: HereReport; target: TargetReport | null }>

/** @throws TraceError TARGET_DOWN or TARGET_UNFIT, once everything has been printed */
export async function doctor(options: DoctorOptions, world: World): Promise<DoctorReport> {
  const here = await checkHere(world.clock)
  if (!options.isJson) world.stdout.write(formatHere(here))
  const { targetUrl } = options
  const target = targetUrl === null ? null : await checkTarget(targetUrl, options, world.clock)
  if (options.isJson) world.stdout.write(`${JSON.stringify({ here, target }, null, 2)}\n`)
  else if (target !== null) world.stdout.write(formatTarget(target))
  if (target !== null && target.verdict !== 'fit') {
    throw new TraceError(
      target.verdict === 'down' ? 'TARGET_DOWN' : 'TARGET_UNFIT',
      `${target.url} ${target.verdict === 'down' ? 'cannot be reached' : 'cannot be replayed to'}`,
      { hint: target.advice },
    )
  }
  return { here, target }
}
