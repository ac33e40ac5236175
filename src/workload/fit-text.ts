/** A fit as a person reads it: how near, and whether it is one at all. Pure. */
import { fold } from '../base/fold.ts'
import { formatCount, significant } from '../base/format.ts'
import type { FitResult } from './fit-trace.ts'

export function formatFit(fit: FitResult): string {
  const { arrivals, requests, inputKs, outputKs, faults, config } = fit
  const pairs = arrivals.dispersion.map(
    ({ windowUs, real, model }) => `${number(real)} → ${number(model)} at ${windowUs / 1e6} s`,
  )
  const lines = [
    `fit        ${config.classes.length} classes of clients · ` +
      `${formatCount(requests.real)} requests → ${formatCount(requests.model)} of the model`,
    `arrivals   gaps KS ${number(arrivals.gapKs)} · memory ${number(arrivals.memory.real)} → ` +
      `${number(arrivals.memory.model)} (counts per second, 1 s apart)`,
    ...(pairs.length > 0 ? [`           IDC ${pairs.join(' · ')}`] : []),
    `sizes      prompt KS ${number(inputKs)} · answer KS ${number(outputKs)}`,
    faults.length === 0
      ? 'verdict    a fit: KS at most 0.2, dispersion and count within a factor of 2'
      : `verdict    NO FIT: ${faults.join(', ')} differ too much to stand for the trace`,
  ]
  return fold(`${lines.join('\n')}\n`)
}

function number(value: number): string {
  return Number.isFinite(value) ? significant(value, 2) : '–'
}
