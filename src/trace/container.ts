/** What a container under way offers to the writer of a trace. Types, and the names of containers. Pure. */
import { TraceError } from '../base/errors.ts'
import type { TableName } from './columns.ts'
import type { TraceHeader } from './header.ts'
import type { Batch } from './table.ts'

export type ContainerName = 'sqlite' | 'arrow'

/** One file under way. */
export interface Container {
  /** Where the rows are now; a container may move. */
  readonly temporaryPath: string
  addBatch(table: TableName, batch: Batch): void
  /** After it, everything added can be read at `temporaryPath`. */
  flush(): Promise<void>
  /** Adds the end mark and closes the file. */
  seal(header: TraceHeader): Promise<void>
  abandon(): Promise<void>
}

/** '.sqlite' or '.arrow'. @throws TraceError BAD_OPTION for any other ending */
export function containerByName(path: string): ContainerName {
  if (path.endsWith('.sqlite')) return 'sqlite'
  if (path.endsWith('.arrow')) return 'arrow'
  throw new TraceError('BAD_OPTION', `${path} should end in .sqlite or .arrow`, {
    hint: 'The ending says which container to write.',
  })
}
