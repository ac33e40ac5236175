/**
 * What the engine received and sent, and when: the truth that benches compare with. One JSON line a
 * request, in the order in which they ended. Effects: writes a file, which appears when it is closed.
 */
import { createWhole } from '../base/files.ts'
import type { Dialect } from './call.ts'

/** Lines are kept in memory up to about this size, so that writing disturbs sending rarely. */
const BATCH_CHARACTERS = 4_000_000

/** All times are µs of the monotonic clock that every process of the machine shares. */
export type LoggedRequest = {
  id: string
  dialect: Dialect
  stream: boolean
  /** First byte of the head, and the last byte of the body, as they were read. */
  receivedUs: number
  readUs: number
  /** When the response head was handed to the socket. */
  headersUs: number
  promptTokens: number
  cachedTokens: number
  outputTokens: number
  /** When it left the queue; null if it never did. */
  scheduledUs: number | null
  preemptions: number
  /** Token-bearing events: when each was handed to the socket, and its tokens. */
  sentUs: number[]
  tokens: number[]
  endUs: number
  end: 'done' | 'hangup' | 'error'
}

export type EngineLog = Readonly<{
  add(request: LoggedRequest): void
  close(): Promise<void>
  /** Leaves what was at that name before. */
  abandon(): Promise<void>
}>

/** @throws TraceError BAD_OPTION if the file cannot be written */
export async function openEngineLog(path: string): Promise<EngineLog> {
  const file = await createWhole(path)
  let lines: string[] = []
  let size = 0
  let writing: Promise<unknown> = Promise.resolve()
  const flush = () => {
    const batch = lines.join('')
    lines = []
    size = 0
    writing = writing.then(() => file.write(batch))
  }
  return {
    add(request) {
      const line = `${JSON.stringify(request)}\n`
      lines.push(line)
      size += line.length
      if (size > BATCH_CHARACTERS) flush()
    },
    async close() {
      flush()
      await writing
      await file.finish()
    },
    abandon: () => file.abandon(),
  }
}
