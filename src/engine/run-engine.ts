/** `trace engine`: runs a simulated server until it is told to stop. Effects: through `startEngine`. */
import type { World } from '../base/world.ts'
import { formatCount } from '../base/format.ts'
import { type EngineOptions, startEngine } from './engine.ts'

/** @returns once SIGINT or SIGTERM has been obeyed */
export async function runEngine(options: EngineOptions, world: World): Promise<void> {
  const engine = await startEngine(options, world.clock)
  const { profile, modelName } = options.settings
  const cacheTokens = formatCount(profile.blockCount * profile.blockTokens)
  world.stderr.write(
    `simulating ${modelName} on ${engine.url} · profile ${profile.name}\n` +
      `  ${formatCount(profile.maxSequences)} sequences · ${formatCount(profile.maxStepTokens)} tokens a step` +
      ` · KV cache ${cacheTokens} tokens · context ${formatCount(profile.maxModelTokens)}\n`,
  )
  const { promise, resolve } = Promise.withResolvers<void>()
  const forget = (['SIGINT', 'SIGTERM'] as const).map((name) => world.onSignal(name, resolve))
  await promise
  for (const stop of forget) stop()
  await engine.close()
}
