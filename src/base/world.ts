/** Everything outside the process that a command may touch, so that a test can stand in for it. */
import type { Clock } from './clock.ts'

export type Writer = Readonly<{
  write(text: string): unknown
  /** A terminal gets colours and progress; a pipe gets plain lines. */
  isTTY: boolean
  /** Width in characters; 80 where it is unknown. */
  columns: number
  /** Height in lines; not known of a pipe. */
  rows?: number | undefined
}>

export type SignalName = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGUSR2'

export type World = Readonly<{
  clock: Clock
  stdout: Writer
  stderr: Writer
  stdin: AsyncIterable<Uint8Array>
  env: Readonly<Record<string, string | undefined>>
  cwd: string
  /** The words of the command, without the program's own name; none where no command was typed. */
  argv?: readonly string[]
  /** Calls back on each such signal until the returned function is called. */
  onSignal(name: SignalName, callback: () => void): () => void
}>
