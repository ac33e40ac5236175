/** Which requests may show that they share a prefix, and the new ids that say just that. Pure. */
import { createHmac } from 'node:crypto'
import type { BlockRow } from '../trace/columns.ts'
import { IdIndex } from '../trace/id-index.ts'
import { NONE, type PlanBlocks } from '../workload/plan.ts'
import type { ScrubPolicy } from './scrub-policy.ts'

/** What the choice needs of each request, in the reader's order. */
export type RowOwner = Readonly<{
  /** Last blocks of its prompt and of its answer, by number; NONE where there is none. */
  prefix: number
  answer: number
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
  readonly #blocks: PlanBlocks
  /** Distinct tenants of each block, as far as they have to be told apart. */
  readonly #tenants = new Map<number, Set<number>>()
  /** The request that was counted last for each block. */
  readonly #lastRow: Int32Array
  #rowNumber = 0
  /** The scope that used each block first, which most have to themselves, and whether it did so again. */
  readonly #firstScope: Int32Array
  readonly #isFirstAgain: Uint8Array
  /** Keys of the other scopes: those that used a block, and those that did so again. */
  readonly #used = new IdIndex()
  readonly #usedAgain = new IdIndex()
  /** Blocks that more than one scope uses. */
  readonly #isSplit: Uint8Array
  readonly #renamed = new Map<number, Renamed>()
  readonly #fresh: BlockRow[] = []
  /** Ids that only one request had, and that are gone. */
  onceCount = 0
  /** Ids whose sharing was cut. */
  splitCount = 0

  constructor(policy: ScrubPolicy, key: Uint8Array, blocks: PlanBlocks) {
    this.#policy = policy
    this.#key = key
    this.#blocks = blocks
    const { length } = blocks.id
    this.#lastRow = new Int32Array(length)
    this.#firstScope = new Int32Array(length).fill(UNUSED)
    this.#isFirstAgain = new Uint8Array(length)
    this.#isSplit = new Uint8Array(length)
  }

  /** First pass: which tenants have which blocks. */
  noteTenant({ prefix, answer, tenant }: RowOwner): void {
    const { sharing, minOtherTenants } = this.#policy
    if (sharing !== 'tenants' || !Number.isFinite(minOtherTenants) || tenant < 0) return
    for (const leaf of [prefix, answer]) {
      for (let block = leaf; block !== NONE; block = this.#parentOf(block)) {
        const tenants = this.#tenants.get(block) ?? new Set<number>()
        // Whoever has a block has all before it, so a known tenant ends the walk.
        if (tenants.has(tenant)) break
        if (tenants.size <= minOtherTenants) tenants.add(tenant)
        this.#tenants.set(block, tenants)
      }
    }
  }

  /** Second pass: how many requests would have each of the new ids. */
  noteUse(owner: RowOwner): void {
    this.#rowNumber += 1
    for (const leaf of [owner.prefix, owner.answer]) {
      for (let block = leaf; block !== NONE; block = this.#parentOf(block)) {
        const scope = this.#scopeOf(block, owner)
        // Whoever has a block has all before it: those have been counted as often, or in this row.
        if (this.#isUsedAgain(block, scope) || this.#lastRow[block] === this.#rowNumber) break
        this.#lastRow[block] = this.#rowNumber
        this.#use(block, scope)
      }
    }
  }

  #use(block: number, scope: number): void {
    if (this.#firstScope[block] === UNUSED) {
      this.#firstScope[block] = scope
      this.onceCount += 1
      return
    }
    if (this.#firstScope[block] === scope) {
      this.#isFirstAgain[block] = 1
      this.onceCount -= 1
      return
    }
    if (this.#isSplit[block] === 0) this.splitCount += 1
    this.#isSplit[block] = 1
    const key = BigInt(keyOf(block, scope))
    const isNew = this.#used.add(key)
    if (!isNew) this.#usedAgain.add(key)
    this.onceCount += isNew ? 1 : -1
  }

  #isUsedAgain(block: number, scope: number): boolean {
    if (this.#firstScope[block] === scope) return this.#isFirstAgain[block] === 1
    return this.#isSplit[block] === 1 && this.#usedAgain.has(BigInt(keyOf(block, scope)))
  }

  /** Third pass: the deepest id that some other request has too; 0n where there is none. */
  rename(leaf: number, owner: RowOwner): Renamed {
    let block = leaf
    while (block !== NONE && !this.#isUsedAgain(block, this.#scopeOf(block, owner))) {
      block = this.#parentOf(block)
    }
    const path: number[] = []
    let known: Renamed | undefined
    for (; block !== NONE && known === undefined; block = this.#parentOf(block)) {
      known = this.#renamed.get(keyOf(block, this.#scopeOf(block, owner)))
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
    const scope = this.#scopeOf(block, owner)
    const text = `block/${this.#blocks.id[block] ?? 0n}/${scopeName(scope, owner)}`
    const id = keyedNumber(this.#key, text)
    const renamed = { leaf: id, count: parent.count + 1 }
    this.#renamed.set(keyOf(block, scope), renamed)
    const tokens = this.#blocks.tokens[block] || null
    this.#fresh.push({ id, parent: parent.leaf === 0n ? null : parent.leaf, tokens })
    return renamed
  }

  #parentOf(block: number): number {
    return this.#blocks.parent[block] ?? NONE
  }

  /** Who may share the block with this request: everyone, its tenant or its session. */
  #scopeOf(block: number, { tenant, session }: RowOwner): number {
    const { sharing, minOtherTenants } = this.#policy
    if (sharing === 'all') return EVERYONE
    // Requests of nobody known may be anybody's: they share only with their own session.
    if (sharing === 'session' || tenant < 0) return 2 * session + 2
    const isCommon = (this.#tenants.get(block)?.size ?? 0) > minOtherTenants
    return isCommon ? EVERYONE : 2 * tenant + 1
  }
}

const EVERYONE = 0
const UNUSED = -1

function keyOf(block: number, scope: number): number {
  return block * SCOPES + scope
}

/** Room for so many tenants and sessions beside the number of a block in one number. */
const SCOPES = 2 ** 27

/** By name where it has one, so that two traces scrubbed with one key agree. */
function scopeName(scope: number, owner: RowOwner): string {
  if (scope === EVERYONE) return ''
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
