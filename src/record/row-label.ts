/** What a row is marked as, and which row of a trace it replays. Pure. */
import type { Exchange } from './exchange.ts'
import type { Row } from './request-row.ts'

/** Set by `trace replay`, so that a recording of a replay says what it is. */
const REPLAY_HEADER = 'x-trace-replay'
const ID_HEADER = 'x-request-id'
/** Headers that `labelOf` reads. */
export const LABEL_HEADERS = [REPLAY_HEADER, ID_HEADER] as const
/** Of a row whose request or answer was too long, or too well packed, to be looked at whole. */
const CUT_LABEL = 'cut'

export function labelOf({ headers }: Exchange, isCut: boolean): Row {
  if (headers.has(REPLAY_HEADER)) return { label: 'replay', ...replayedRow(headers.get(ID_HEADER)) }
  return isCut ? { label: CUT_LABEL } : {}
}

/** A replay's request says in its id which row it replays: 'run-SEQ', '-cCOPY' after it where there are several. */
function replayedRow(id: string | undefined): Row {
  const [, seq, copy = '0'] = /-(\d{1,15})(?:-c(\d{1,9}))?(?:-r\d+)?$/.exec(id ?? '') ?? []
  return seq === undefined ? {} : { sourceSeq: Number(seq), copy: Number(copy) }
}
