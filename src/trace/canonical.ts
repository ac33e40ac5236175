/** JSON in one spelling: keys sorted by code unit, no spaces, numbers as ECMAScript prints them. Pure. */

/** Throws a TypeError for what JSON cannot hold (cycles, BigInt). Undefined members are left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    const from = member as Record<string, unknown>
    const sorted: Record<string, unknown> = {}
    for (const key of Object.keys(from).toSorted()) {
      // defineProperty, because a plain assignment of '__proto__' would change the object instead.
      Object.defineProperty(sorted, key, { value: from[key], enumerable: true })
    }
    return sorted
  })
}
