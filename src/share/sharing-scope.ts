/** Which requests may show that they share a prefix, and the new ids that say just that. Pure. */
import { createHmac } from 'node:crypto'
import type { BlockRow } from '../trace/columns.ts'
import { IdIndex } from '../trace/id-index.ts'
import type { TraceReader } from '../trace/trace.ts'
import type { ScrubPolicy } from './scrub-policy.ts'

const NONE = -1

/** What the choice needs of each request, in the reader's order. */
export type RowOwner = Readonly<{
  prefixLeaf: bigint
  answerLeaf: bigint
  /** Number of the tenant; −1 is unknown. */
  tenant: number
  tenantName: string
  /** Number of the session; unique for a request without one. */
  session: number
  sessionName: string
}>

/** A new id and how many blocks its chain has. */
export type Renamed = Readonly<{ leaf: bigint; count: number }>

export class SharingScope {
  readonly #policy: ScrubPolicy
  readonly #key: Uint8Array
  readonly #index = new IdIndex()
  readonly #ids: bigint[] = []
  readonly #parents: number[] = []
  readonly #tokens: (number | null)[] = []
  /** Distinct tenants of each block, as far as they have to be told apart. */
  #tenants: (Set<number> | null)[] = []
  /** The request that was counted last for each block. */
  #lastRow = new Int32Array(0)
  #rowNumber = 0
  /** Keys that some request has, and those that a second one has too: more than a Map can hold. */
  readonly #used = new IdIndex()
  readonly #usedAgain = new IdIndex()
  /** Scopes in which each block is used. */
  #scopeCounts = new Uint32Array(0)
  readonly #renamed = new Map<number, Renamed>()
  readonly #fresh: BlockRow[] = []
  /** Ids that only one request had, and that are gone. */
  onceCount = 0
  /** Ids whose sharing was cut. */
  splitCount = 0

  constructor(policy: ScrubPolicy, key: Uint8Array) {
    this.#policy = policy
    this.#key = key
  }

  async load(reader: TraceReader): Promise<void> {
    for await (const { rowCount, columns } of reader.blocks()) {
      for (let row = 0; row < rowCount; row += 1) {
        const id = columns.id[row] ?? 0n
        if (!this.#index.add(id, this.#ids.length)) continue
        const parent = columns.parent[row] ?? 0n
        const tokens = columns.tokens[row] ?? Number.NaN
        this.#ids.push(id)
        this.#parents.push(parent === 0n ? NONE : this.#index.get(parent))
        this.#tokens.push(Number.isNaN(tokens) ? null : tokens)
      }
    }
    this.#tenants = Array<Set<number> | null>(this.#ids.length).fill(null)
    this.#lastRow = new Int32Array(this.#ids.length)
    this.#scopeCounts = new Uint32Array(this.#ids.length)
  }

  /** First pass: which tenants have which blocks. */
  noteTenant({ prefixLeaf, answerLeaf, tenant }: RowOwner): void {
    const { sharing, minOtherTenants } = this.#policy
    if (sharing !== 'tenants' || !Number.isFinite(minOtherTenants) || tenant < 0) return
    for (const leaf of [prefixLeaf, answerLeaf]) {
      for (let block = this.#place(leaf); block >= 0; block = this.#parents[block] ?? NONE) {
        const tenants = this.#tenants[block] ?? new Set<number>()
        // Whoever has a block has all before it, so a known tenant ends the walk.
        if (tenants.has(tenant)) break
        if (tenants.size <= minOtherTenants) tenants.add(tenant)
        this.#tenants[block] = tenants
      }
    }
  }

  /** Second pass: how many requests would have each of the new ids. */
  noteUse(owner: RowOwner): void {
    this.#rowNumber += 1
    for (const leaf of [owner.prefixLeaf, owner.answerLeaf]) {
      for (let block = this.#place(leaf); block >= 0; block = this.#parents[block] ?? NONE) {
        const key = BigInt(this.#scopeKey(block, owner))
        // Whoever has a block has all before it: those have been counted as often, or in this row.
        if (this.#usedAgain.has(key) || this.#lastRow[block] === this.#rowNumber) break
        this.#lastRow[block] = this.#rowNumber
        if (this.#used.add(key)) this.#scopeCounts[block]! += 1
        else this.#usedAgain.add(key)
      }
    }
  }

  finishCounting(): void {
    this.onceCount = this.#used.size - this.#usedAgain.size
    this.splitCount = this.#scopeCounts.reduce((count, times) => (times > 1 ? count + 1 : count), 0)
  }

  /** Third pass: the deepest id that some other request has too; 0n where there is none. */
  rename(leaf: bigint, owner: RowOwner): Renamed {
    let block = this.#place(leaf)
    while (block >= 0 && !this.#usedAgain.has(BigInt(this.#scopeKey(block, owner)))) {
      block = this.#parents[block] ?? NONE
    }
    const path: number[] = []
    let known: Renamed | undefined
    for (; block >= 0 && known === undefined; block = this.#parents[block] ?? NONE) {
      known = this.#renamed.get(this.#scopeKey(block, owner))
      if (known === undefined) path.push(block)
    }
    let last = known ?? { leaf: 0n, count: 0 }
    for (const at of path.toReversed()) last = this.#renameBlock(at, owner, last)
    return last
  }

  takeBlocks(): BlockRow[] {
    return this.#fresh.splice(0)
  }

  #renameBlock(block: number, owner: RowOwner, parent: Renamed): Renamed {
    const key = this.#scopeKey(block, owner)
    const scope = key % SCOPES
    const id = keyedNumber(this.#key, `block/${this.#ids[block] ?? 0n}/${scopeName(scope, owner)}`)
    const renamed = { leaf: id, count: parent.count + 1 }
    this.#renamed.set(key, renamed)
    const tokens = this.#tokens[block] ?? null
    this.#fresh.push({ id, parent: parent.leaf === 0n ? null : parent.leaf, tokens })
    return renamed
  }

  #place(leaf: bigint): number {
    return leaf === 0n ? NONE : this.#index.get(leaf)
  }

  /** The block, and who may share it with this request: everyone, its tenant or its session. */
  #scopeKey(block: number, { tenant, session }: RowOwner): number {
    const { sharing, minOtherTenants } = this.#policy
    if (sharing === 'all') return block * SCOPES
    if (sharing === 'session') return block * SCOPES + 2 * session + 2
    // Requests of nobody known may be anybody's: they share only with their own session.
    if (tenant < 0) return block * SCOPES + 2 * session + 2
    const isCommon = (this.#tenants[block]?.size ?? 0) > minOtherTenants
    return isCommon ? block * SCOPES : block * SCOPES + 2 * tenant + 1
  }
}

/** Room for so many tenants and sessions beside the number of a block in one number. */
const SCOPES = 2 ** 27

/** By name where it has one, so that two traces scrubbed with one key agree. */
function scopeName(scope: number, owner: RowOwner): string {
  if (scope === 0) return ''
  return scope % 2 === 1 ? `tenant ${owner.tenantName}` : `session ${owner.sessionName}`
}

/** 64 bits of HMAC-SHA256; never 0, which means none. */
export function keyedNumber(key: Uint8Array, text: string): bigint {
  const id = createHmac('sha256', key).update(text).digest().readBigUInt64BE(0)
  return id === 0n ? 1n : id
}

/** The same as 16 hex digits, for sessions, tenants and adapters. */
export function keyedText(key: Uint8Array, purpose: string, text: string): string {
  return keyedNumber(key, `${purpose}/${text}`).toString(16).padStart(16, '0')
}
