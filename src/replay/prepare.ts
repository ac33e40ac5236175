/** What a replay holds open while it lasts, and what it asks its targets first. Effects: network, reads files. */
import { cacheFolder } from '../base/cache-folder.ts'
import { pause } from '../base/clock.ts'
import { HttpClient, type HttpOptions } from '../base/http.ts'
import type { World } from '../base/world.ts'
import type { Plan } from '../workload/plan.ts'
import type { ReplayOptions } from './options.ts'
import { preflight, type Preflight } from './preflight.ts'
import { httpOptions } from './send-target.ts'
import { Tokenizers } from './tokenizers.ts'

export type Prepared = Readonly<{
  client: HttpClient
  http: HttpOptions
  tokenizers: Tokenizers
  ready: Preflight
}>

/** @throws TraceError before the first request; whatever `work` does, all is closed behind it */
export async function prepared<T>(
  plan: Plan,
  options: ReplayOptions,
  world: World,
  work: (parts: Prepared) => Promise<T>,
): Promise<T> {
  const http = await httpOptions(options)
  const client = new HttpClient(http)
  const tokenizers = await Tokenizers.open(options.tokenizers)
  try {
    const extraHeaders = Object.entries(http.headers ?? {})
    const help = {
      client,
      extraHeaders,
      localOf: (model: string) => tokenizers.clientOf(model),
      cacheFolder: cacheFolder(world.env),
    }
    const ready = await sayWaiting(preflight(plan, options, help), options, world)
    return await work({ client, http, tokenizers, ready })
  } finally {
    await tokenizers.close()
    await client.close()
  }
}

/** Asks the targets what a replay asks before it begins, and no more. @throws TraceError as it does */
export async function checkTargets(
  plan: Plan,
  options: ReplayOptions,
  world: World,
): Promise<void> {
  await prepared(plan, options, world, async () => null)
}

const SILENCE_US = 2_000_000

/** Nobody should stare at an empty screen while a target takes its time. */
async function sayWaiting<T>(
  work: Promise<T>,
  { targets }: ReplayOptions,
  { stderr }: World,
): Promise<T> {
  const over = new AbortController()
  const say = async () => {
    // Ends early, and with nothing said, once the work is done.
    await pause(SILENCE_US, over.signal).then(
      () => {
        const names = targets.map(({ url }) => url.origin).join(', ')
        stderr.write(`waiting for ${names} to answer a small request of each kind\n`)
        return null
      },
      () => null,
    )
  }
  void say()
  return work.finally(() => over.abort())
}
