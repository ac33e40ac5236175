/** What watches a run: lines on a terminal, and a page where one was asked for. Effects: network. */
import { parseHostPort, type HostPort } from '../base/parse.ts'
import type { World } from '../base/world.ts'
import type { RunHooks } from '../replay/run-hooks.ts'
import { LiveHistory, terminalView } from './terminal.ts'

export const LIVE_FLAGS = {
  dashboard: {
    flags: '--dashboard <host:port>',
    description: 'the run as it goes, in a browser; with a button that ends it',
  },
} as const

export type RawLiveOptions = { dashboard?: string }

/** @throws TraceError BAD_OPTION */
export function parseLiveOptions(raw: RawLiveOptions): HostPort | null {
  return raw.dashboard === undefined ? null : parseHostPort('--dashboard', raw.dashboard)
}

/** @param place where to serve the page while `run` goes on; null for none */
export async function withRunView<T>(
  place: HostPort | null,
  world: World,
  run: (hooks: RunHooks) => Promise<T>,
): Promise<T> {
  const history = new LiveHistory()
  const view: RunHooks['view'] = (progress, columns) => {
    history.add(progress)
    return terminalView(progress, history.points, columns)
  }
  if (place === null) return run({ view })
  const wish = { isStopped: false, stop: () => {} }
  // The chart library is loaded only for those who look.
  const { Dashboard } = await import('./dashboard.ts')
  const dashboard = new Dashboard(() => {
    wish.isStopped = true
    wish.stop()
  })
  world.stderr.write(`dashboard  ${await dashboard.listen(place)}\n`)
  const onBegin: RunHooks['onBegin'] = ({ stop }) => {
    wish.stop = stop
    if (wish.isStopped) stop()
  }
  try {
    return await run({ view, onBegin, onProgress: (progress) => dashboard.show(progress) })
  } finally {
    await dashboard.close()
  }
}
