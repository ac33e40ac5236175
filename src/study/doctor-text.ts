/** What `trace doctor` prints. Pure. */
import { fold } from '../base/fold.ts'
import { formatBytes, formatCount, formatDuration, formatShare, plural } from '../base/format.ts'
import type { Throttling } from '../base/machine.ts'
import type { HereReport } from './doctor-here.ts'
import type { TargetReport } from './doctor-target.ts'

export function formatHere(here: HereReport): string {
  const { machine, timers, throttling, stolenShare, packages } = here
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`)
  const limit = throttling === null ? 'not said by this system' : formatThrottling(throttling)
  const stolen = stolenShare === null ? '' : ` · stolen by the host ${formatShare(stolenShare)}`
  return lines([
    ['trace', `${here.version} · Node ${machine.nodeVersion} · SQLite ${here.sqliteVersion}`],
    ['packages', versions.join(' · ')],
    [
      'machine',
      `${machine.platform} · ${plural(machine.cpuCount, 'processor')} · ` +
        `${formatBytes(machine.memoryBytes)} · ${machine.cpuModel}`,
    ],
    ['cpu limit', limit + stolen],
    [
      'timers',
      `late p50 ${formatDuration(timers.p50Us)}, p99 ${formatDuration(timers.p99Us)}, ` +
        `worst ${formatDuration(timers.maxUs)} of ${timers.count}`,
    ],
    [
      'event loop',
      `late p99 ${formatDuration(here.loopDelayP99Us)}, worst ${formatDuration(here.loopDelayMaxUs)}`,
    ],
  ])
}

function formatThrottling({ limitCpus, throttledCount, throttledUs }: Throttling): string {
  const limit = limitCpus === null ? 'none' : `${formatCount(limitCpus, 2)} processors`
  const times = formatCount(throttledCount)
  return `${limit} · throttled ${times} times, ${formatDuration(throttledUs)} in all`
}

export function formatTarget({ url, steps, verdict }: TargetReport): string {
  const width = Math.max(...steps.map(({ name }) => name.length))
  const body = steps.map(({ name, state, finding, tookUs }) => {
    const mark = state === 'ok' ? 'ok     ' : state === 'missing' ? 'missing' : 'FAILED '
    return `  ${mark}  ${name.padEnd(width)}  ${formatDuration(tookUs).padStart(8)}  ${finding}\n`
  })
  const end = verdict === 'fit' ? 'a replay can be sent there\n' : ''
  return fold(`\n${url}\n${body.join('')}${end}`)
}

const LABEL_WIDTH = 12

function lines(rows: readonly (readonly [string, string])[]): string {
  return fold(rows.map(([label, text]) => `${label.padEnd(LABEL_WIDTH)}${text}\n`).join(''))
}
