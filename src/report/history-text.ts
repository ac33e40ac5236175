/** A history as a person reads it: one line a number, then what changed and when. Pure. */
import { fold } from '../base/fold.ts'
import { formatDuration, formatShare, plural, significant } from '../base/format.ts'
import { FEWEST_RUNS } from '../stats/change-point.ts'
import type { History } from './history.ts'
import { sparkline } from './sparkline.ts'

const LINE_WIDTH = 40

export function formatHistory(history: History): string {
  const isShort = history.runs.length < FEWEST_RUNS
  const lines = [
    `${plural(history.runs.length, 'run')}${
      history.left_out.length === 0 ? '' : ` · ${history.left_out.length} left out`
    }${isShort ? `: ${unchangedText(history.runs.length)}` : ''}`,
    ...history.left_out.map(({ name, reason }) => `  left out: ${name} (${reason})`),
    ...history.numbers.flatMap(({ name, values, changes }) => {
      const known = values.filter((value) => value !== null)
      if (known.length === 0) return [`${name.padEnd(16)} –`]
      const line = sparkline(
        values.map((value) => value ?? Number.NaN),
        LINE_WIDTH,
      )
      return [
        `${name.padEnd(16)} ${line}  ${historyValue(name, known.at(-1)!)}`,
        ...changes.map(
          ({ run, before, after, change, p }) =>
            `  ${change < 0 ? '−' : '+'}${significant(Math.abs(change * 100), 3)} % from ${run}: ` +
            `${historyValue(name, before)} → ${historyValue(name, after)} (p ${significant(p, 2)})`,
        ),
        ...(changes.length === 0 && known.length >= FEWEST_RUNS
          ? [`  ${unchangedText(known.length)}`]
          : []),
      ]
    }),
  ]
  return fold(`${lines.join('\n')}\n`)
}

/** What may be said where no change was found. */
export function unchangedText(runs: number): string {
  return runs < FEWEST_RUNS
    ? `too few to see a change (${FEWEST_RUNS} at least)`
    : 'no change of level'
}

/** As a person reads it. */
export function historyValue(name: string, value: number): string {
  if (name.includes('.')) return formatDuration(value)
  return name === 'error_rate' ? formatShare(value) : `${significant(value, 3)}/s`
}
