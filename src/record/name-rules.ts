/** Finds the text that names a session or a tenant, where the operator said it stands. Pure. */
import { asObject, asText, type JsonObject } from '../stream/json.ts'
import type { Exchange } from './exchange.ts'
import type { NameRule } from './observe-options.ts'

/** @returns the first that is there, marked with where it stood; to be hashed, not kept */
export function nameBy(
  rules: readonly NameRule[],
  exchange: Exchange,
  body: JsonObject,
): string | null {
  for (const rule of rules) {
    const found =
      rule.kind === 'header'
        ? exchange.headers.get(rule.name)
        : (asText(body[rule.name]) ?? metadataUser(rule.name, body))
    if (found !== undefined && found !== null && found !== '') return `${rule.name}\0${found}`
  }
  return null
}

/** The messages dialect has its user inside `metadata`. */
function metadataUser(name: string, body: JsonObject): string | null {
  return name === 'user' ? asText(asObject(body['metadata'])?.['user_id']) : null
}
