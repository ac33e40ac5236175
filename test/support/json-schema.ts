/**
 * A schema for the JSON documents that the program prints, read off sample documents: enough of JSON
 * Schema (2020-12) to publish, and a check that a document follows it. Objects with the same keys are the same part,
 * wherever they stand: what is null in one may be null in all.
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

/** Objects under `maps` may have any key, all of one kind; what is under `free` is the user's own. */
type Names = Readonly<{ maps: ReadonlySet<string>; free: ReadonlySet<string> }>

export function schemaOf(documents: readonly unknown[], names: Names): Schema {
  const alike = new Map<string, JsonObject[]>()
  const gather = (value: unknown, name: string): void => {
    if (Array.isArray(value)) for (const each of value) gather(each, name)
    if (typeOf(value) !== 'object' || names.free.has(name)) return
    const object = value as JsonObject
    if (!names.maps.has(name))
      alike.set(shapeOf(object), [...(alike.get(shapeOf(object)) ?? []), object])
    for (const [key, each] of Object.entries(object)) gather(each, key)
  }
  gather(documents, '')
  return partOf(documents, '', names, alike)
}

type JsonObject = Record<string, unknown>

function shapeOf(object: JsonObject): string {
  return Object.keys(object).toSorted().join()
}

function partOf(
  samples: readonly unknown[],
  name: string,
  names: Names,
  alike: ReadonlyMap<string, JsonObject[]>,
): Schema {
  const types = [...new Set(samples.map(typeOf))].toSorted()
  const schema: Schema = { type: types.length === 1 ? types[0]! : types }
  if (names.free.has(name)) return schema
  const here = samples.filter((each) => typeOf(each) === 'object') as JsonObject[]
  if (names.maps.has(name)) {
    const values = here.flatMap((each) => Object.values(each))
    schema.additionalProperties = values.length === 0 ? true : partOf(values, '', names, alike)
  } else if (here.length > 0) {
    const objects = [...new Set(here.map(shapeOf))].flatMap((shape) => alike.get(shape)!)
    const keys = [...new Set(objects.flatMap((each) => Object.keys(each)))].toSorted()
    const of = (key: string) => objects.filter((each) => key in each).map((each) => each[key])
    schema.properties = Object.fromEntries(
      keys.map((key) => [key, partOf(of(key), key, names, alike)]),
    )
    schema.required = keys.filter((key) => objects.every((each) => key in each))
  }
  const items = (samples.filter((each) => Array.isArray(each)) as unknown[][]).flat()
  if (items.length > 0) schema.items = partOf(items, name, names, alike)
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
