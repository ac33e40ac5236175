/** Looks whether any prefix id is shared more widely than a policy allows. Pure, but for the reader. */
import { IdIndex } from '../trace/id-index.ts'
import type { RequestBatch, TraceReader } from '../trace/trace.ts'
import type { ScrubPolicy } from './scrub-policy.ts'

type Holders = {
  tenants: Set<string>
  sessions: Set<string>
  strangers: number
  /** Some request that has it names no tenant. */
  hasUnknown: boolean
}

export class SharingCheck {
  readonly #policy: ScrubPolicy
  readonly #index = new IdIndex()
  readonly #parents: number[] = []
  readonly #holders: Holders[] = []

  private constructor(policy: ScrubPolicy) {
    this.#policy = policy
  }

  static async load(reader: TraceReader, policy: ScrubPolicy): Promise<SharingCheck> {
    const check = new SharingCheck(policy)
    for await (const { rowCount, columns } of reader.blocks()) {
      for (let row = 0; row < rowCount; row += 1) {
        const parent = columns.parent[row] ?? 0n
        if (!check.#index.add(columns.id[row] ?? 0n, check.#parents.length)) continue
        check.#parents.push(parent === 0n ? -1 : check.#index.get(parent))
        check.#holders.push({
          tenants: new Set(),
          sessions: new Set(),
          strangers: 0,
          hasUnknown: false,
        })
      }
    }
    return check
  }

  add({ columns }: RequestBatch, row: number): void {
    const { minOtherTenants } = this.#policy
    // Sets stop growing where more holders would change nothing.
    const enough = Number.isFinite(minOtherTenants) ? minOtherTenants + 1 : 2
    const leaf = columns.prefixLeaf[row] ?? 0n
    const tenant = columns.tenant[row] ?? null
    const session = columns.session[row] ?? null
    const start = leaf === 0n ? -1 : this.#index.get(leaf)
    for (let block = start; block >= 0; block = this.#parents[block] ?? -1) {
      const holders = this.#holders[block]
      if (holders === undefined) return
      if (tenant !== null && holders.tenants.size < enough) holders.tenants.add(tenant)
      if (session !== null && holders.sessions.size < 2) holders.sessions.add(session)
      if (session === null) holders.strangers += 1
      if (tenant === null) holders.hasUnknown = true
    }
  }

  /** Ids that two or more sessions have, and too few tenants. */
  violations(): number {
    const { sharing, minOtherTenants } = this.#policy
    if (sharing === 'all') return 0
    return this.#holders.filter(({ tenants, sessions, strangers, hasUnknown }) => {
      const holderCount = sessions.size + strangers
      if (holderCount < 2) return false
      if (sharing === 'session') return true
      // One of no known tenant may be anybody's: it shares with nobody outside its session.
      const isOneTenant = tenants.size === 1 && !hasUnknown
      return !isOneTenant && (hasUnknown || tenants.size <= minOtherTenants)
    }).length
  }
}
