/**
 * A schema for the JSON documents that the program prints, read off sample documents: enough of JSON
 * Schema (2020-12) to publish, and a check that a document follows it.
 */

export type Schema = {
  type?: string | string[]
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  items?: Schema
  $ref?: string
  $defs?: Record<string, Schema>
}

/** Objects under these names are maps: any key may stand there. */
type MapNames = ReadonlySet<string>

export function schemaOf(samples: readonly unknown[], maps: MapNames, name = ''): Schema {
  const types = [...new Set(samples.map(typeOf))].toSorted()
  const schema: Schema = { type: types.length === 1 ? types[0]! : types }
  const objects = samples.filter((each) => typeOf(each) === 'object') as Record<string, unknown>[]
  const lists = samples.filter((each) => Array.isArray(each)) as unknown[][]
  if (objects.length > 0) {
    const keys = [...new Set(objects.flatMap((each) => Object.keys(each)))].toSorted()
    const of = (key: string) => objects.filter((each) => key in each).map((each) => each[key])
    if (maps.has(name)) {
      const values = keys.flatMap(of)
      schema.additionalProperties = values.length === 0 ? true : schemaOf(values, maps)
    } else {
      schema.properties = Object.fromEntries(keys.map((key) => [key, schemaOf(of(key), maps, key)]))
      schema.required = keys.filter((key) => objects.every((each) => key in each))
    }
  }
  const items = lists.flat()
  if (items.length > 0) schema.items = schemaOf(items, maps, name)
  return schema
}

/** Parts that stand in several places are told once, under `$defs`. */
export function shared(schema: Schema): Schema {
  const counts = new Map<string, number>()
  const count = (part: Schema): void => {
    const text = JSON.stringify(part)
    if (text.length < MIN_SHARED_CHARS) return
    counts.set(text, (counts.get(text) ?? 0) + 1)
    for (const child of childrenOf(part)) count(child)
  }
  count(schema)
  const names = new Map<string, string>()
  for (const [text, uses] of counts) if (uses > 1) names.set(text, `part${names.size + 1}`)
  const replaced = (part: Schema, isRoot: boolean): Schema => {
    const name = isRoot ? undefined : names.get(JSON.stringify(part))
    if (name !== undefined) return { $ref: `#/$defs/${name}` }
    const copy: Schema = { ...part }
    if (part.properties) {
      copy.properties = Object.fromEntries(
        Object.entries(part.properties).map(([key, each]) => [key, replaced(each, false)]),
      )
    }
    if (part.items) copy.items = replaced(part.items, false)
    if (typeof part.additionalProperties === 'object') {
      copy.additionalProperties = replaced(part.additionalProperties, false)
    }
    return copy
  }
  const defs = [...names].map(([text, name]) => [name, replaced(JSON.parse(text), true)] as const)
  return { ...replaced(schema, true), $defs: Object.fromEntries(defs) }
}

const MIN_SHARED_CHARS = 120

function childrenOf({ properties, items, additionalProperties: other }: Schema): Schema[] {
  return [
    ...Object.values(properties ?? {}),
    ...(items ? [items] : []),
    ...(typeof other === 'object' ? [other] : []),
  ]
}

/** Places where a document does not follow the schema. */
export function violations(
  given: Schema,
  value: unknown,
  place = '$',
  defs = given.$defs ?? {},
): string[] {
  const schema = given.$ref ? defs[given.$ref.replace('#/$defs/', '')]! : given
  const types = [schema.type ?? []].flat()
  if (types.length > 0 && !types.includes(typeOf(value))) return [`${place}: ${typeOf(value)}`]
  if (Array.isArray(value)) {
    return value.flatMap((each, index) =>
      schema.items ? violations(schema.items, each, `${place}[${index}]`, defs) : [],
    )
  }
  if (typeOf(value) !== 'object') return []
  const object = value as Record<string, unknown>
  const missing = (schema.required ?? []).filter((key) => !(key in object))
  return [
    ...missing.map((key) => `${place}.${key}: missing`),
    ...Object.entries(object).flatMap(([key, each]) => {
      const own = schema.properties?.[key]
      if (own) return violations(own, each, `${place}.${key}`, defs)
      const other = schema.additionalProperties
      return typeof other === 'object' ? violations(other, each, `${place}.${key}`, defs) : []
    }),
  ]
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
