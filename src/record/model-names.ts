/** A model's name is kept where the server knows it; what only a client said is hashed. Pure. */
import type { Observation } from '../stream/observation.ts'
import { type ChainKey, keyedId } from '../stream/prefix-chain.ts'
import { BoundedMap } from './sessions.ts'

const MAX_NAMES = 1_000

export class ModelNames {
  readonly #key: ChainKey
  /** Names that the server used or accepted. */
  readonly #known = new BoundedMap<string, true>(MAX_NAMES)

  constructor(key: ChainKey) {
    this.#key = key
  }

  /** @param asked as the client wrote it @param seen null where no answer came */
  nameOf(asked: string | null, seen: Observation | null): string | null {
    if (seen !== null && seen.status >= 200 && seen.status < 300) {
      const name = seen.model ?? asked
      if (name !== null) this.#known.set(name, true)
      return name
    }
    if (asked === null || this.#known.get(asked) === true) return asked
    return keyedId(this.#key, 'model', asked)
  }
}
