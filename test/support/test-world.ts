/** A world that keeps what is written to it, for tests that run a verb without a process. */
import type { SignalName, World } from '../../src/base/world.ts'
import { VirtualClock } from './virtual-clock.ts'

export function testWorld(changes: Partial<World> = {}) {
  const said = { out: '', err: '' }
  const listeners = new Map<SignalName, Set<() => void>>()
  const writer = (key: 'out' | 'err') => ({
    write: (text: string) => (said[key] += text),
    isTTY: false,
    columns: 80,
  })
  const world: World = {
    clock: new VirtualClock(),
    stdout: writer('out'),
    stderr: writer('err'),
    stdin: (async function* () {})(),
    env: {},
    cwd: process.cwd(),
    onSignal(name, callback) {
      const callbacks = listeners.get(name) ?? new Set()
      listeners.set(name, callbacks.add(callback))
      return () => void callbacks.delete(callback)
    },
    ...changes,
  }
  const signal = (name: SignalName) => {
    for (const callback of listeners.get(name) ?? []) callback()
  }
  return { world, said, signal }
}
