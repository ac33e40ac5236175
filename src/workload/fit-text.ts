/** A fit as a person reads it: how near, and whether it is one at all. Pure. */
import { fold } from '../base/fold.ts'
import { formatCount, formatDuration, significant } from '../base/format.ts'
import { isFit, type FitResult } from './fit-trace.ts'

export function formatFit(fit: FitResult): string {
  const { arrivals, requests, inputKs, outputKs, config } = fit
  const pairs = arrivals.dispersion.map(
    ({ windowUs, real, model }) => `${number(real)} → ${number(model)} at ${windowUs / 1e6} s`,
  )
  const lines = [
    `fit        ${config.classes.length} class${config.classes.length === 1 ? '' : 'es'} of clients · ` +
      `${formatCount(requests.real)} requests → ${formatCount(requests.model)} of the model`,
    `arrivals   gaps KS ${number(arrivals.gapKs)} · memory ${number(arrivals.memory.real)} → ` +
      `${number(arrivals.memory.model)} (counts per second, 1 s apart)`,
    ...(pairs.length > 0 ? [`           IDC ${pairs.join(' · ')}`] : []),
    `sizes      prompt KS ${number(inputKs)} · answer KS ${number(outputKs)}`,
    ...(isFit(fit)
      ? ['verdict    a fit: KS at most 0.2, dispersion and count within a factor of 2']
      : verdictLines(fit)),
  ]
  return fold(`${lines.join('\n')}\n`)
}

function verdictLines({ faults, changes }: FitResult): string[] {
  const places = changes.map(({ signal, atUs }) => `${signal} at ${formatDuration(atUs)}`)
  const reasons = [
    ...(faults.length > 0 ? [`${faults.join(', ')} differ too much to stand for the trace`] : []),
    ...(places.length > 0
      ? [`the trace changes on its way (${places.join(', ')}): fit its parts, cut by trace slice`]
      : []),
  ]
  return reasons.map(
    (reason, index) => `${index === 0 ? 'verdict    NO FIT: ' : '           '}${reason}`,
  )
}

function number(value: number): string {
  return Number.isFinite(value) ? significant(value, 2) : '–'
}
