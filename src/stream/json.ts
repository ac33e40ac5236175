/** Looks into JSON from the wire, where anything may stand anywhere. Never throws. Pure. */

export type JsonObject = Readonly<Record<string, unknown>>

/** Deeper values are not looked into: writing them again would overflow the stack. */
export const MAX_JSON_DEPTH = 200

/** null for anything that is not JSON; the reason is dropped, since it would quote the text. */
export function parseJson(text: string): unknown {
  try {
    const value = JSON.parse(text) as unknown
    return text.length > 2 * MAX_JSON_DEPTH && isTooDeep(value) ? null : value
  } catch {
    return null
  }
}

function isTooDeep(root: unknown): boolean {
  let level: unknown[] = [root]
  for (let depth = 0; depth <= MAX_JSON_DEPTH; depth += 1) {
    const next: unknown[] = []
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue
      for (const inner of Object.values(value)) {
        if (typeof inner === 'object' && inner !== null) next.push(inner)
      }
    }
    if (next.length === 0) return false
    level = next
  }
  return true
}

export function asObject(value: unknown): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : null
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : []
}

export function asText(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** A whole number from 0 to 2^53, as counts are. */
export function asCount(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null
}

/** A short mark of the server's own, such as a model's name; null if it could be anything else. */
export function asMark(value: unknown, maxLength = 200): string | null {
  if (typeof value !== 'string' || value.length === 0 || value.length > maxLength) return null
  return /^[\w./:@+\- ]+$/.test(value) ? value : null
}
