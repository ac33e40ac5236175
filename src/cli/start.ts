/** Joins `main` to the real process. Effects: argv, stdio, signals, exit code, clock. */
import { systemClock } from '../base/clock.ts'
import { fold, TEXT_COLUMNS } from '../base/fold.ts'
import type { Writer } from '../base/world.ts'
import { main } from './main.ts'

/** @param isTalk sentences for a person, which may be broken where a terminal ends */
function writer(stream: NodeJS.WriteStream, isTalk: boolean): Writer {
  // A dumb terminal shows sentences and cannot move its cursor.
  const isTTY = () => stream.isTTY === true && process.env['TERM'] !== 'dumb'
  const columns = () => (stream.isTTY && stream.columns > 0 ? stream.columns : TEXT_COLUMNS)
  return {
    // What moves the cursor has been measured by who wrote it.
    write: (text) =>
      stream.write(
        isTalk && stream.isTTY && !text.includes('\u001B') ? fold(text, columns()) : text,
      ),
    get isTTY() {
      return isTTY()
    },
    get columns() {
      return columns()
    },
    get rows() {
      return isTTY() ? stream.rows : undefined
    },
  }
}

// A reader that closes the pipe early (`| head`) ends us quietly, as it ends every Unix tool.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`trace: standard output cannot be written (${error.code ?? 'unknown'})\n`)
  process.exit(1)
})

// Nobody hears what is said here any more, or the log's disk is full: a recorder outlives its log.
process.stderr.on('error', () => undefined)

/** Under bin/trace.js a terminal's Ctrl-C comes twice: once to the group, once passed on. */
const SAME_SIGNAL_US = 50_000
const isHandedOver = process.channel !== undefined && process.env['TRACE_HANDED_OVER'] === '1'

// The channel to bin/trace.js closes when that process ends, however it ends: never outlive it.
if (isHandedOver) {
  process.channel?.unref()
  process.on('disconnect', () => process.exit(1))
}

process.exitCode = await main(process.argv.slice(2), {
  clock: systemClock,
  stdout: writer(process.stdout, false),
  stderr: writer(process.stderr, true),
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  onSignal(name, callback) {
    let lastUs = -SAME_SIGNAL_US
    const once = () => {
      const nowUs = systemClock.nowUs()
      if (isHandedOver && nowUs - lastUs < SAME_SIGNAL_US) return
      lastUs = nowUs
      callback()
    }
    process.on(name, once)
    return () => void process.off(name, once)
  },
})
