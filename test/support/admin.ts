/** A session's admin listener, as a probe and a scrape see it. */
import { adminServer } from '../../src/live/admin.ts'
import type { RecordSession } from '../../src/record/record-session.ts'

export async function adminOf(session: RecordSession) {
  const admin = adminServer(session, 'token')
  const place = await admin.listen({ host: '127.0.0.1', port: 0 })
  const textOf = async (path: string) => (await fetch(place + path)).text()
  return {
    health: async () =>
      JSON.parse(await textOf('/healthz')) as {
        status: string
        degraded: string | null
        upstream: string | null
      },
    metrics: () => textOf('/metrics'),
    close: async () => admin.close(),
  }
}
