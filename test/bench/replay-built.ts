/** The built program, as users run it, called as the command calls it. */
import { pathToFileURL } from 'node:url'
import type { systemClock as Clock } from '../../src/base/clock.ts'
import type { World } from '../../src/base/world.ts'
import {
  REPLAY_FLAGS,
  type parseReplayOptions as Parse,
  type RawReplayOptions,
} from '../../src/replay/options.ts'
import type { replay as Replay } from '../../src/replay/replay.ts'
import type { openTrace as Open } from '../../src/trace/open.ts'

/** What differs from the command line's defaults. */
export type Wish = Partial<Omit<RawReplayOptions, 'target'>> & Readonly<{ port: number }>

/** @param buildPath the folder of the built program */
export async function builtProgram(buildPath: string) {
  const load = async <T>(path: string) =>
    import(pathToFileURL(`${buildPath}/${path}.js`).href) as Promise<T>
  const { systemClock } = await load<{ systemClock: typeof Clock }>('base/clock')
  const { parseReplayOptions } = await load<{ parseReplayOptions: typeof Parse }>('replay/options')
  const { replay } = await load<{ replay: typeof Replay }>('replay/replay')
  const { openTrace } = await load<{ openTrace: typeof Open }>('trace/open')
  const quiet = { write: () => true, isTTY: false, columns: 100 }
  const world: World = {
    clock: systemClock,
    stdout: quiet,
    stderr: quiet,
    stdin: process.stdin,
    env: {},
    cwd: process.cwd(),
    onSignal: () => () => undefined,
  }
  const optionsOf = ({ port, ...wish }: Wish) =>
    parseReplayOptions({
      ...Object.fromEntries(
        Object.entries(REPLAY_FLAGS).flatMap(([name, flag]) =>
          'default' in flag ? [[name, flag.default]] : [],
        ),
      ),
      target: [`http://127.0.0.1:${port}`],
      force: true,
      ...wish,
    } as unknown as RawReplayOptions)
  return { systemClock, replay, openTrace, world, optionsOf }
}
