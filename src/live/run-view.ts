/** What watches a run: lines on a terminal, and a page or figures where they were asked for. Effects: network. */
import { hostPortText, parseHostPort, type HostPort } from '../base/parse.ts'
import type { World } from '../base/world.ts'
import type { RunHooks } from '../replay/run-hooks.ts'
import { LiveHistory } from './live-history.ts'
import { terminalView } from './terminal.ts'

export const LIVE_FLAGS = {
  dashboard: {
    flags: '--dashboard <host:port>',
    description: 'the run as it goes, in a browser; with a button that ends it',
  },
  metricsListen: {
    flags: '--metrics-listen <host:port>',
    description: 'the figures of the run for Prometheus, at /metrics (the dashboard has them too)',
  },
} as const

export type RawLiveOptions = { dashboard?: string; metricsListen?: string }

export type LiveOptions = Readonly<{ dashboard: HostPort | null; metrics: HostPort | null }>

/** @throws TraceError BAD_OPTION */
export function parseLiveOptions(raw: RawLiveOptions): LiveOptions {
  return {
    dashboard: placeOf('--dashboard', raw.dashboard),
    metrics: placeOf('--metrics-listen', raw.metricsListen),
  }
}

function placeOf(flag: string, text: string | undefined): HostPort | null {
  return text === undefined ? null : parseHostPort(flag, text)
}

/** @param options where to serve what while `run` goes on */
export async function withRunView<T>(
  options: LiveOptions,
  world: World,
  run: (hooks: RunHooks) => Promise<T>,
): Promise<T> {
  const history = new LiveHistory()
  const wish = { isStopped: false, stop: nothing }
  const stop = () => {
    wish.isStopped = true
    wish.stop()
  }
  const served = await serve(options, world, history, stop)
  const hooks: RunHooks = {
    view: (progress, columns) => terminalView(progress, history.points, columns),
    onBegin(controls) {
      history.begin(controls.live)
      wish.stop = () => controls.stop()
      if (wish.isStopped) controls.stop()
    },
    onProgress(progress) {
      if (history.add(progress) !== null) served.show()
    },
    onSamples: (samples) => history.hear(samples),
  }
  try {
    return await run(hooks)
  } finally {
    await served.close()
  }
}

async function serve(
  { dashboard: place, metrics }: LiveOptions,
  world: World,
  history: LiveHistory,
  stop: () => void,
) {
  const closers: (() => Promise<void>)[] = []
  const close = async () => void (await Promise.all(closers.map((each) => each())))
  let show = nothing
  if (place === null && metrics === null) return { show, close }
  // Servers and the chart library are loaded only for those who look.
  const { replayMetrics } = await import('./replay-metrics.ts')
  const render = () => replayMetrics(history)
  try {
    if (place !== null) {
      const { Dashboard } = await import('./dashboard.ts')
      const dashboard = new Dashboard(history, stop, render)
      world.stderr.write(`dashboard  ${await dashboard.listen(place)}\n`)
      closers.push(async () => dashboard.close())
      show = () => dashboard.show()
    }
    const isShared = place?.host === metrics?.host && place?.port === metrics?.port
    if (metrics !== null && !isShared) {
      const { serveMetrics } = await import('./metrics-server.ts')
      closers.push(await serveMetrics(metrics, render))
      world.stderr.write(`metrics    http://${hostPortText(metrics)}/metrics\n`)
    }
  } catch (error) {
    await close()
    throw error
  }
  return { show, close }
}

function nothing(): void {
  // Nobody looks.
}
