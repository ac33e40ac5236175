/** What others may do while a run goes on. Pure. */
import type { HttpOptions } from '../base/http.ts'
import type { SampleRow } from '../trace/columns.ts'
import type { BuildTarget } from './body-builder.ts'
import type { LiveResults, RowBound } from './live-results.ts'
import type { Progress } from './progress.ts'

/** For whoever shows a run while it goes on. */
export type RunHooks = Readonly<{
  /** Each finished request is held against these, at most six; `live.beyond` tells. */
  bounds?: readonly RowBound[]
  /** Servers that export spans are asked to, by a sampled traceparent. */
  isTraced?: boolean
  /** Handed once, when the first request is about to be due. */
  onBegin?: (controls: RunControls) => void
  /** Ten times a second. */
  onProgress?: (progress: Progress) => void
  /** What servers and this machine say of themselves, as it comes. */
  onSamples?: (samples: readonly SampleRow[]) => void
  /** When every request has its end: what else belongs into the result. */
  onEnd?: () => Promise<readonly SampleRow[]>
  /** Lines for a terminal instead of the bar. */
  view?: (progress: Progress, columns: number) => string
}>

export type RunControls = Readonly<{
  /** Ends the run; what was measured is kept. @param exitCode that of Ctrl-C unless said */
  stop: (exitCode?: number) => void
  /** Writes an event into the result, with the run's time. */
  note: (kind: string, detail: Readonly<Record<string, unknown>>) => void
  live: LiveResults
  /** What a prober of its own needs: the first target, and the instant of due 0. */
  probe: Readonly<{ url: URL; target: BuildTarget; http: HttpOptions; startUs: number }>
}>

/** Several watchers of one run. Only one of them may have bounds, and one a view. */
export function joinHooks(all: readonly RunHooks[]): RunHooks {
  const bounds = all.find((hooks) => hooks.bounds !== undefined)?.bounds
  const view = all.find((hooks) => hooks.view !== undefined)?.view
  return {
    isTraced: all.some((hooks) => hooks.isTraced === true),
    ...(bounds === undefined ? {} : { bounds }),
    ...(view === undefined ? {} : { view }),
    onBegin: (controls) => all.forEach((hooks) => hooks.onBegin?.(controls)),
    onProgress: (progress) => all.forEach((hooks) => hooks.onProgress?.(progress)),
    onSamples: (samples) => all.forEach((hooks) => hooks.onSamples?.(samples)),
    onEnd: async () => {
      const rows = await Promise.all(all.map(async (hooks) => (await hooks.onEnd?.()) ?? []))
      return rows.flat()
    },
  }
}
