/** Numbers the distinct combinations of what many requests share. Pure. */
import { imageSizesOf, paramsOf } from '../trace/json-column.ts'
import type { RequestShape } from './plan.ts'

/** So many recent shapes are tried before a key is built: most traffic alternates between few. */
const RECENT = 4

const FIELDS = [
  'endpoint',
  'isStream',
  'model',
  'adapter',
  'tenant',
  'route',
  'target',
  'n',
  'inputCount',
  'priority',
  'maxTokens',
  'params',
  'imageSizes',
  'tools',
  'toolBytes',
] as const satisfies readonly (keyof RequestShape)[]

export class ShapeTable {
  readonly shapes: RequestShape[] = []
  readonly #indexOfKey = new Map<string, number>()
  readonly #recent: number[] = []

  /**
   * @param shape may be reused by the caller: a new one is copied
   * @param seq whose it is, for the error where its JSON is none
   */
  add(shape: RequestShape, seq: number): number {
    for (const index of this.#recent) {
      if (isSame(this.shapes[index]!, shape)) return index
    }
    const key = shapeKey(shape)
    let index = this.#indexOfKey.get(key)
    if (index === undefined) {
      paramsOf(shape.params, seq)
      imageSizesOf(shape.imageSizes, seq)
      index = this.shapes.push({ ...shape }) - 1
      this.#indexOfKey.set(key, index)
    }
    this.#recent.unshift(index)
    if (this.#recent.length > RECENT) this.#recent.pop()
    return index
  }
}

function isSame(a: RequestShape, b: RequestShape): boolean {
  for (const field of FIELDS) if (a[field] !== b[field]) return false
  return true
}

/** Canonical text of a shape: its fields in a fixed order. Also what the schedule's digest covers. */
export function shapeKey(shape: RequestShape): string {
  return JSON.stringify(FIELDS.map((field) => shape[field]))
}
