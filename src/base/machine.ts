/**
 * The machine and this process on it: processors, throttling, and how late the event loop runs.
 * Effects: reads /proc, /sys and the process's own counters.
 */
import { availableParallelism, cpus, release, tmpdir, totalmem } from 'node:os'
import { monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks'
import { readIfThere } from './files.ts'

export type MachineFacts = Readonly<{
  platform: string
  release: string
  nodeVersion: string
  cpuModel: string
  /** Processors that this process may use. */
  cpuCount: number
  memoryBytes: number
}>

export function machineFacts(): MachineFacts {
  return {
    platform: `${process.platform} ${process.arch}`,
    release: release(),
    nodeVersion: process.versions.node,
    cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
    cpuCount: availableParallelism(),
    memoryBytes: totalmem(),
  }
}

/** What the container's processor limit has done to this process so far. */
export type Throttling = Readonly<{
  /** Processors that may be used; null: no limit. */
  limitCpus: number | null
  /** Periods in which the limit stopped it. */
  throttledCount: number
  throttledUs: number
}>

const CPU_STAT_PATHS = [
  '/sys/fs/cgroup/cpu.stat',
  '/sys/fs/cgroup/cpu/cpu.stat',
  '/sys/fs/cgroup/cpu,cpuacct/cpu.stat',
]

/** @returns null where the system does not say */
export async function readThrottling(): Promise<Throttling | null> {
  for (const path of CPU_STAT_PATHS) {
    const stat = await readIfThere(path)
    if (stat === null) continue
    const folder = path.slice(0, -'/cpu.stat'.length)
    return parseThrottling(stat, await readLimit(folder))
  }
  return null
}

/**
 * @param stat the text of cpu.stat, of either version of control groups
 * @param limit quota and period, µs; a quota that is no number above 0 is no limit
 */
export function parseThrottling(stat: string, limit: readonly string[]): Throttling {
  const values = new Map(
    stat.split('\n').map((line) => {
      const [name = '', value = '0'] = line.split(' ')
      return [name, Number(value)] as const
    }),
  )
  const limitCpus = Number(limit[0]) / Number(limit[1])
  return {
    limitCpus: limitCpus > 0 && Number.isFinite(limitCpus) ? limitCpus : null,
    throttledCount: values.get('nr_throttled') ?? 0,
    throttledUs:
      values.get('throttled_usec') ?? Math.round((values.get('throttled_time') ?? 0) / 1_000),
  }
}

async function readLimit(folder: string): Promise<string[]> {
  const both = await readIfThere(`${folder}/cpu.max`)
  if (both !== null) return both.trim().split(' ')
  const quota = await readIfThere(`${folder}/cpu.cfs_quota_us`)
  const period = await readIfThere(`${folder}/cpu.cfs_period_us`)
  return [quota?.trim() ?? 'max', period?.trim() ?? '1']
}

/** Ticks since the start of the machine, and the share that the host took since an earlier reading. */
export type StolenTime = Readonly<{ stolenTicks: number; allTicks: number; share: number }>

/** @returns null where the system does not say */
export async function readStolenShare(earlier: StolenTime | null): Promise<StolenTime | null> {
  const stat = await readIfThere('/proc/stat')
  return stat === null ? null : parseStolenShare(stat, earlier)
}

/** @param stat the text of /proc/stat, whose first line counts user, nice, system, idle, iowait, irq, softirq, steal */
export function parseStolenShare(stat: string, earlier: StolenTime | null): StolenTime | null {
  const ticks = /^cpu +([\d ]+)/.exec(stat)?.[1]?.split(' ').slice(0, 8).map(Number)
  const stolenTicks = ticks?.[7]
  if (ticks === undefined || stolenTicks === undefined) return null
  const allTicks = ticks.reduce((sum, count) => sum + count, 0)
  const spanTicks = allTicks - (earlier?.allTicks ?? 0)
  const share = spanTicks > 0 ? (stolenTicks - (earlier?.stolenTicks ?? 0)) / spanTicks : 0
  return { stolenTicks, allTicks, share }
}

/** This process's processor time since it began, all its threads counted, µs. */
export function processCpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Resident memory of this process, bytes. */
export function processMemoryBytes(): number {
  return process.memoryUsage.rss()
}

/** One thread over the time since the last sample. */
export type LoopSample = Readonly<{
  /** How late timers ran, µs. */
  delayP50Us: number
  delayP99Us: number
  delayMaxUs: number
  /** Share of the time in which the loop was not waiting, 0 to 1. */
  utilization: number
  gcPauseMaxUs: number
  gcPauseSumUs: number
}>

export type LoopWatch = Readonly<{
  /** Figures since the last call. */
  sample(): LoopSample
  close(): void
}>

const RESOLUTION_MS = 1

/** Watches the thread that calls it. */
export function watchLoop(): LoopWatch {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  let last = performance.eventLoopUtilization()
  let gcMaxUs = 0
  let gcSumUs = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      gcMaxUs = Math.max(gcMaxUs, Math.round(duration * 1_000))
      gcSumUs += Math.round(duration * 1_000)
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  return {
    sample() {
      const now = performance.eventLoopUtilization()
      const figures: LoopSample = {
        // The histogram holds the timer's own millisecond too.
        delayP50Us: overUs(histogram.percentile(50)),
        delayP99Us: overUs(histogram.percentile(99)),
        delayMaxUs: overUs(histogram.max),
        utilization: performance.eventLoopUtilization(now, last).utilization,
        gcPauseMaxUs: gcMaxUs,
        gcPauseSumUs: gcSumUs,
      }
      histogram.reset()
      last = now
      gcMaxUs = 0
      gcSumUs = 0
      return figures
    },
    close() {
      histogram.disable()
      observer.disconnect()
    },
  }
}

/** A place for files that need not last. */
export function temporaryFolder(): string {
  return tmpdir()
}

function overUs(delayNs: number): number {
  return Math.max(0, Math.round(delayNs / 1_000) - RESOLUTION_MS * 1_000)
}
