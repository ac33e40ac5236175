/**
 * Listening sockets that whoever started the recorder holds open, as systemd does: one after another may
 * accept from them, and a connection that waits in one is nobody's to lose. Pure.
 */
import { TraceError } from '../base/errors.ts'
import type { RecordOptions } from './options.ts'

/** The protocol of sd_listen_fds: the first one's number, and whose they are and how many in the environment. */
const FIRST_SOCKET = 3

/**
 * @param processId of this process; sockets that are meant for another one are left alone
 * @throws TraceError BAD_OPTION unless there is one for each route
 */
export function withInherited(
  options: RecordOptions,
  env: Readonly<Record<string, string | undefined>>,
  processId: number,
): RecordOptions {
  const count = Number(env['LISTEN_FDS'] ?? 0)
  if (env['LISTEN_PID'] !== String(processId) || !(count > 0)) return options
  const { routes, workers } = options
  if (count !== routes.length) {
    const sockets = count === 1 ? '1 listening socket was' : `${count} listening sockets were`
    throw new TraceError('BAD_OPTION', `${sockets} passed on for ${routes.length} routes`, {
      hint: 'They are taken in the order of --listen and each --route.',
    })
  }
  if (workers > 1) {
    throw new TraceError('BAD_OPTION', '--workers wants to open its own listening sockets', {
      hint: 'One thread accepts from a socket that was passed on.',
    })
  }
  const inherited = routes.map((route, index) => ({ ...route, socket: FIRST_SOCKET + index }))
  return { ...options, routes: inherited }
}
