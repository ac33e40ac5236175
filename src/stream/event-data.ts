/** The data of one event, as the SSE standard joins it. Pure. */

const D = 100
const COLON = 58
const SPACE = 32
const CR = 13
const LF = 10

/** @param bytes one event with its line ends, at [from, to) @returns '' where it has no data */
export function eventData(bytes: Buffer, from: number, to: number): string {
  let data: string | null = null
  let at = from
  while (at < to) {
    let end = at
    while (end < to && bytes[end] !== LF && bytes[end] !== CR) end += 1
    if (isData(bytes, at, end)) {
      const start = bytes[at + 5] === SPACE && at + 5 < end ? at + 6 : at + 5
      const line = bytes.toString('utf8', start, end)
      data = data === null ? line : `${data}\n${line}`
    }
    at = bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1
  }
  return data ?? ''
}

const ERROR_NAMES = [Buffer.from('event: error'), Buffer.from('event:error')]

/** The event's first line names it an error, whatever its data say. */
export function isErrorNamed(bytes: Buffer, from: number, to: number): boolean {
  return ERROR_NAMES.some((name) => {
    const end = from + name.length
    if (end >= to || bytes.compare(name, 0, name.length, from, end) !== 0) return false
    return bytes[end] === LF || bytes[end] === CR
  })
}

function isData(bytes: Buffer, from: number, to: number): boolean {
  return (
    to - from >= 5 &&
    bytes[from] === D &&
    bytes[from + 1] === 97 &&
    bytes[from + 2] === 116 &&
    bytes[from + 3] === 97 &&
    bytes[from + 4] === COLON
  )
}
