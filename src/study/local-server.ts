/** Servers that a study starts on this machine: a free port, and waiting until they answer. Effects: network. */
import type { Clock } from '../base/clock.ts'
import { TraceError } from '../base/errors.ts'
import { HttpClient } from '../base/http.ts'
import { listen } from '../base/socket.ts'

const HOST = '127.0.0.1'
/** A cold start on a busy machine. */
const READY_LIMIT_US = 60_000_000
const READY_CHECK_US = 50_000

/** A port that nobody has now. */
export async function freePort(): Promise<number> {
  const server = await listen(
    { host: HOST, port: 0 },
    { isShared: false, onConnection: () => undefined },
  )
  const address = server.address()
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  await promise
  return typeof address === 'object' && address !== null ? address.port : 0
}

/**
 * @param ended the server's process; one that is over will not answer
 * @throws TraceError FAILED; the signal's reason once it aborts
 */
export async function untilReady(
  url: string,
  ended: Promise<unknown>,
  clock: Clock,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const exited = new AbortController()
  void ended.then(() => exited.abort())
  const client = new HttpClient()
  const limitUs = clock.nowUs() + READY_LIMIT_US
  try {
    for (;;) {
      signal.throwIfAborted()
      const status = await client.call(`${url}/health`, { timeoutUs: 1_000_000 }).then(
        (answer) => answer.status,
        () => null,
      )
      // A server without this route is up too.
      if (status !== null && status < 500) return
      if (exited.signal.aborted || clock.nowUs() > limitUs) {
        throw new TraceError('FAILED', `${url} did not come up`)
      }
      await clock.sleepUntil(clock.nowUs() + READY_CHECK_US, signal)
    }
  } finally {
    await client.close()
  }
}
