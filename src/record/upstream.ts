/** Where a listener's bytes go: its name resolved ahead and asked again. Effects: resolver. */
import { type DialTls, ResolvedName } from '../base/socket.ts'
import type { Upstream } from './pipe-context.ts'

export type UpstreamName = Readonly<{
  upstream: Upstream
  name: ResolvedName
  /** Why the last connection failed; null after one that did not. */
  problem: () => string | null
}>

/**
 * @param route what the rows of this listener say
 * @param tls asked at each connection, so that a reload reaches the next one; null without TLS
 */
export function createUpstream(route: string, url: URL, tls: () => DialTls | null): UpstreamName {
  const name = new ResolvedName(url.hostname)
  const port = portOf(url)
  let problem: string | null = null
  const upstream: Upstream = {
    route,
    address: () => (name.address === null ? null : { host: name.address, port }),
    tls,
    onReached() {
      problem = null
    },
    onUnreachable(reason) {
      problem = reason
      name.skip()
      void name.refresh()
    },
  }
  return { upstream, name, problem: () => problem }
}

export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  return url.protocol === 'https:' ? 443 : 80
}
