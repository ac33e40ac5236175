/** Rows whose dependencies name each other by id: held until all are known, then written. Pure. */
import { canonicalJson } from '../trace/canonical.ts'
import type { RequestRow } from '../trace/columns.ts'
import type { ImportContext } from './importer.ts'

export type Trigger = 'dispatch' | 'end'

export type GraphDependency = Readonly<{
  id: string
  trigger: Trigger
  relation: string
  delayUs: number
}>

export type GraphRow = Readonly<{
  id: string
  startUs: number
  cells: Partial<RequestRow>
  dependencies: readonly GraphDependency[]
}>

/** In order of start; a dependency on a row that is not there is dropped and said so. */
export function writeGraph(rows: readonly GraphRow[], context: ImportContext): void {
  const ordered = rows.toSorted((a, b) => a.startUs - b.startUs)
  const first = context.sink.rowCount
  const seqOf = new Map(ordered.map(({ id }, index) => [id, first + index]))
  let lostCount = 0
  for (const { startUs, cells, dependencies } of ordered) {
    const found = dependencies.flatMap(({ id, trigger, relation, delayUs }) => {
      const seq = seqOf.get(id)
      if (seq === undefined) lostCount += 1
      return seq === undefined ? [] : [{ seq, trigger, relation, delayUs }]
    })
    const parent = found.find(({ relation }) => relation === 'sequence') ?? found[0]
    context.sink.row(startUs, {
      ...cells,
      ...(parent === undefined ? {} : { parentSeq: parent.seq }),
      ...(found.length === 0 ? {} : { dependencies: canonicalJson(found) }),
    })
  }
  if (lostCount > 0)
    context.note(`${lostCount} dependencies name requests that are not in the file`)
}
