/** Looks whether any prefix id is shared more widely than a policy allows. Pure, but for the reader. */
import type { RequestBatch, TraceReader } from '../trace/trace.ts'
import { loadBlocks, type BlockTable } from '../workload/block-table.ts'
import { NONE } from '../workload/plan.ts'
import type { ScrubPolicy } from './scrub-policy.ts'

type Holders = {
  tenants: Set<string>
  sessions: Set<string>
  strangers: number
  /** Some request that has it names no tenant. */
  hasUnknown: boolean
}

type Holder = Readonly<{ tenant: string | null; session: string | null }>

export class SharingCheck {
  readonly #policy: ScrubPolicy
  readonly #table: BlockTable
  readonly #rows: Holder[] = []
  /** The request that had each block first, counted from 1; most blocks have no other. */
  readonly #firstRow: Uint32Array
  /** Of blocks that a second request has. */
  readonly #holders = new Map<number, Holders>()

  private constructor(policy: ScrubPolicy, table: BlockTable) {
    this.#policy = policy
    this.#table = table
    this.#firstRow = new Uint32Array(table.blocks.id.length)
  }

  static async load(reader: TraceReader, policy: ScrubPolicy): Promise<SharingCheck> {
    return new SharingCheck(policy, await loadBlocks(reader))
  }

  add({ columns }: RequestBatch, row: number): void {
    const { parent } = this.#table.blocks
    const holder = { tenant: columns.tenant[row] ?? null, session: columns.session[row] ?? null }
    this.#rows.push(holder)
    const leaf = this.#table.indexOf(columns.prefixLeaf[row] ?? 0n)
    for (let block = leaf; block !== NONE; block = parent[block] ?? NONE) {
      const first = this.#firstRow[block] ?? 0
      if (first === 0) this.#firstRow[block] = this.#rows.length
      else this.#note(this.#holdersOf(block, first), holder)
    }
  }

  #holdersOf(block: number, first: number): Holders {
    const known = this.#holders.get(block)
    if (known !== undefined) return known
    const holders = {
      tenants: new Set<string>(),
      sessions: new Set<string>(),
      strangers: 0,
      hasUnknown: false,
    }
    this.#holders.set(block, holders)
    const holder = this.#rows[first - 1]
    if (holder !== undefined) this.#note(holders, holder)
    return holders
  }

  #note(holders: Holders, { tenant, session }: Holder): void {
    const { minOtherTenants } = this.#policy
    // Sets stop growing where more holders would change nothing.
    const enough = Number.isFinite(minOtherTenants) ? minOtherTenants + 1 : 2
    if (tenant !== null && holders.tenants.size < enough) holders.tenants.add(tenant)
    if (session !== null && holders.sessions.size < 2) holders.sessions.add(session)
    if (session === null) holders.strangers += 1
    if (tenant === null) holders.hasUnknown = true
  }

  /** Ids that two or more sessions have, and too few tenants. */
  violations(): number {
    const { sharing, minOtherTenants } = this.#policy
    if (sharing === 'all') return 0
    const shared = [...this.#holders.values()]
    return shared.filter(({ tenants, sessions, strangers, hasUnknown }) => {
      const holderCount = sessions.size + strangers
      if (holderCount < 2) return false
      if (sharing === 'session') return true
      // One of no known tenant may be anybody's: it shares with nobody outside its session.
      const isOneTenant = tenants.size === 1 && !hasUnknown
      return !isOneTenant && (hasUnknown || tenants.size <= minOtherTenants)
    }).length
  }
}
