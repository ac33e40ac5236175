/** Records until it is killed; says after each write how many rows it has written. */
import { newHeader } from '../../src/trace/header.ts'
import { openRecording } from '../../src/trace/segment.ts'

const recording = openRecording(
  process.argv[2] ?? '',
  newHeader('recorded', { originWallUs: 1_000 }),
)

function writeOne(seq: number): void {
  const before = { seq: seq - 1, atUs: (seq - 1) * 10, endpoint: 'chat', outcome: 'ok' }
  recording.write({
    open: [{ seq, atUs: seq * 10, endpoint: 'chat' }],
    completed: seq === 0 ? [] : [{ ...before, prefixLeaf: BigInt(seq) }],
    blocks:
      seq === 0
        ? []
        : [{ id: BigInt(seq), parent: seq === 1 ? null : BigInt(seq - 1), tokens: 16 }],
  })
  if (seq % 40 === 39) recording.rotate()
  process.send?.(seq + 1)
  setImmediate(writeOne, seq + 1)
}

writeOne(0)
