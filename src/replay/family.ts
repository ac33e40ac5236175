/** Who follows whose answer in a plan. Pure. */
import { NONE } from '../workload/plan.ts'

export class Family {
  readonly #parent: Uint32Array
  /** Children of p: `#children` from `#starts[p]` to `#starts[p + 1]`. */
  readonly #starts: Uint32Array
  readonly #children: Uint32Array

  /** @param parent index of each request's parent, or NONE */
  constructor(parent: Uint32Array) {
    this.#parent = parent
    this.#starts = new Uint32Array(parent.length + 1)
    for (const each of parent) if (each !== NONE) this.#starts[each + 1]! += 1
    for (let at = 0; at < parent.length; at += 1) this.#starts[at + 1]! += this.#starts[at]!
    this.#children = new Uint32Array(this.#starts[parent.length]!)
    const next = this.#starts.slice()
    for (const [child, each] of parent.entries()) {
      if (each !== NONE) this.#children[next[each]!++] = child
    }
  }

  childrenOf(index: number): Uint32Array {
    return this.#children.subarray(this.#starts[index], this.#starts[index + 1])
  }

  hasChildren(index: number): boolean {
    return this.#starts[index + 1]! > this.#starts[index]!
  }

  /** The request without a parent that this one goes back to. */
  rootOf(index: number): number {
    let at = index
    while (this.#parent[at]! !== NONE) at = this.#parent[at]!
    return at
  }
}
