/** Tells systemd that the recorder serves, and that it ends. Effects: runs systemd-notify. */
import { spawn } from 'node:child_process'
import type { World } from '../base/world.ts'
import type { RecordCompanion } from '../record/control.ts'

/** Node has no datagram sockets of the kind systemd listens on, so its own helper speaks for us. */
export function systemdCompanion({ env }: World): RecordCompanion {
  const isAsked = env['NOTIFY_SOCKET'] !== undefined
  return async () => {
    if (isAsked) await notify('--ready')
    return {
      async close() {
        if (isAsked) await notify('--stopping')
      },
    }
  }
}

async function notify(word: string): Promise<void> {
  const child = spawn('systemd-notify', [word, `--pid=${process.pid}`], { stdio: 'ignore' })
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    // Without the helper systemd waits, and says so; the recorder goes on.
    child.once('error', () => resolve())
  })
}
