/** What a thread of a replay fails with, said as a user can use it. */
import { expect, test } from 'vitest'
import { failureOf } from '../../src/replay/threads.ts'

test("a thread's own sentence keeps its words, its hint and its exit code", () => {
  const cloned = Object.assign(new Error('run.sqlite cannot be written here'), {
    code: 'BAD_OPTION',
    hint: 'Name another file.',
  })
  expect(failureOf(cloned)).toMatchObject({
    message: 'run.sqlite cannot be written here',
    hint: 'Name another file.',
    exitCode: 2,
  })
})

test('a full disk is said with its code, and a bug keeps its stack', () => {
  const full = Object.assign(new Error('write'), { code: 'ENOSPC' })
  expect(failureOf(full)).toMatchObject({ message: 'the replay cannot go on: ENOSPC', exitCode: 1 })
  const bug = new TypeError('x is not a function')
  expect(failureOf(bug)).toBe(bug)
})
