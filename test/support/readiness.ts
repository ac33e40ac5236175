/** Whether a process that a test started has become what it is to be. */
import type { ChildProcess } from 'node:child_process'

export async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )
}

export async function until(isSo: () => Promise<boolean>, child: ChildProcess): Promise<void> {
  while (!(await isSo())) {
    if (child.exitCode !== null) throw new Error('it ended before it was ready')
    await new Promise((wake) => setTimeout(wake, 50))
  }
}
