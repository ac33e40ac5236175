/**
 * Which requests belong to one conversation: by what clients say, or since one quotes another.
 *
 * Everything is remembered under keyed ids, within bounds; the oldest is forgotten first. Pure.
 */
import { type ChainKey, keyedId } from '../stream/prefix-chain.ts'

/** Turns that can still be continued. */
export const MAX_TURNS = 50_000
/** Turns that ended at the same point, e.g. equal greetings of many users. */
const MAX_SAME_POINT = 16

export type Turn = {
  readonly seq: number
  readonly session: string
  readonly turn: number
  readonly tenant: string | null
  /** Arrival of its request; monotonic µs. */
  readonly startedAtUs: number
  /** null while it runs. */
  endedAtUs: number | null
  /** Another turn goes on from here. */
  isContinued: boolean
}

/** What one request offers for finding its turn. */
export type TurnHints = Readonly<{
  seq: number
  tenant: string | null
  atUs: number
  /** Text of the operator's choice that names the session; not kept. */
  named: string | null
  /** Keyed id of the response that it goes on from. */
  previous: string | null
  /** Ends of conversations that its prompt begins with: longest first, with the answer, without. */
  points: readonly bigint[]
}>

/** A map that forgets what was put in first. */
export class BoundedMap<K, V> {
  readonly #map = new Map<K, V>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: K): V | undefined {
    return this.#map.get(key)
  }

  set(key: K, value: V): void {
    this.#map.delete(key)
    this.#map.set(key, value)
    if (this.#map.size <= this.#limit) return
    const oldest = this.#map.keys().next()
    if (oldest.done !== true) this.#map.delete(oldest.value)
  }
}

export class Sessions {
  readonly #key: ChainKey
  readonly #byPoint = new BoundedMap<bigint, Turn[]>(2 * MAX_TURNS)
  readonly #byResponse = new BoundedMap<string, Turn>(MAX_TURNS)
  /** Latest turn of each session that clients name. */
  readonly #latest = new BoundedMap<string, Turn>(MAX_TURNS)

  constructor(key: ChainKey) {
    this.#key = key
  }

  /** @returns its place in a conversation, new or known, and the turn it goes on from */
  place(hints: TurnHints): { turn: Turn; parent: Turn | null } {
    const quoted = this.#previousOf(hints) ?? null
    const named = hints.named === null ? null : keyedId(this.#key, 'session', hints.named)
    if (named === null) {
      return this.#begin(hints, quoted?.session ?? this.#newSession(hints), quoted, quoted)
    }
    const latest = this.#latest.get(named) ?? null
    const isSame = quoted?.session === named
    // A turn of a named session waits for the one before, unless both run at once.
    const waited = latest?.endedAtUs === null ? null : latest
    const placed = this.#begin(hints, named, isSame ? quoted : waited, latest)
    this.#latest.set(named, placed.turn)
    return placed
  }

  #begin(
    hints: TurnHints,
    session: string,
    parent: Turn | null,
    before: Turn | null,
  ): { turn: Turn; parent: Turn | null } {
    const turn: Turn = {
      seq: hints.seq,
      session,
      turn: before === null ? 0 : before.turn + 1,
      tenant: hints.tenant,
      startedAtUs: hints.atUs,
      endedAtUs: null,
      isContinued: false,
    }
    if (parent !== null) parent.isContinued = true
    return { turn, parent }
  }

  /** The turn may be continued by a prompt that begins with the conversation up to `point`. */
  notePoint(point: bigint, turn: Turn): void {
    const turns = this.#byPoint.get(point) ?? []
    if (!turns.includes(turn)) turns.push(turn)
    if (turns.length > MAX_SAME_POINT) turns.shift()
    this.#byPoint.set(point, turns)
  }

  noteResponse(responseId: string, turn: Turn): void {
    this.#byResponse.set(keyedId(this.#key, 'response', responseId), turn)
  }

  #newSession({ seq, atUs, points }: TurnHints): string {
    return keyedId(this.#key, 'session', JSON.stringify([seq, atUs, String(points[0] ?? '')]))
  }

  #previousOf({ previous, points, tenant }: TurnHints): Turn | undefined {
    const answered = previous === null ? undefined : this.#byResponse.get(previous)
    if (answered !== undefined) return answered
    for (const point of points) {
      const turns = (this.#byPoint.get(point) ?? []).filter((turn) => turn.tenant === tenant)
      const found = turns.findLast((turn) => !turn.isContinued) ?? turns.at(-1)
      if (found !== undefined) return found
    }
    return undefined
  }
}
