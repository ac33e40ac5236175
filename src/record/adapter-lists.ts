/**
 * Which names of models are LoRA adapters, and of what: as each upstream's /v1/models tells it, asked
 * aside from traffic and again when a new name is met, since adapters are loaded while a server runs.
 * Effects: network.
 */
import type { Clock } from '../base/clock.ts'
import type { HttpClient } from '../base/http.ts'
import { asArray, asMark, asObject } from '../stream/json.ts'

const PATIENCE_US = 2_000_000
const ANSWER_BYTES = 4_000_000
/** For names that are not listed, the lists are read again no more often than this. */
const AGAIN_US = 5_000_000
const MAX_NAMES = 10_000

/** @returns the model under an adapter; null for a model, and for a name that is not known yet */
export type ParentOf = (route: string, name: string) => string | null

export type AdapterListOptions = Readonly<{
  clock: Clock
  client: HttpClient
  /** Upstream of each route. */
  origins: Readonly<Record<string, string>>
  apiKey: string | null
}>

type List = { parents: ReadonlyMap<string, string | null>; askedAtUs: number }

/** Asks every upstream at once; the answers come in their time. */
export function createAdapterLists(options: AdapterListOptions): ParentOf {
  const { clock, origins } = options
  const lists = new Map<string, List>()
  const ask = (origin: string): void => {
    const list = lists.get(origin) ?? { parents: new Map(), askedAtUs: 0 }
    list.askedAtUs = clock.nowUs()
    lists.set(origin, list)
    void readParents(options, origin).then((parents) => (list.parents = parents ?? list.parents))
  }
  for (const origin of new Set(Object.values(origins))) ask(origin)
  return (route, name) => {
    const origin = origins[route]
    const list = origin === undefined ? undefined : lists.get(origin)
    if (origin === undefined || list === undefined) return null
    const parent = list.parents.get(name)
    if (parent === undefined && clock.nowUs() - list.askedAtUs >= AGAIN_US) ask(origin)
    return parent ?? null
  }
}

async function readParents(
  { client, apiKey }: AdapterListOptions,
  origin: string,
): Promise<Map<string, string | null> | null> {
  const headers: Record<string, string> =
    apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }
  try {
    const call = { timeoutUs: PATIENCE_US, bodyLimitBytes: ANSWER_BYTES, headers }
    const answer = asObject(await client.callJson(new URL('/v1/models', origin), call))
    const entries = asArray(answer?.['data']).slice(0, MAX_NAMES).map(asObject)
    const pairs = entries.flatMap((entry) => {
      const name = asMark(entry?.['id'])
      return name === null ? [] : [[name, asMark(entry?.['parent'])] as const]
    })
    return answer === null ? null : new Map(pairs)
  } catch {
    return null
  }
}
