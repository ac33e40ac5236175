/** Names: asked ahead of need and again, and never forgotten because a resolver fails. */
import { expect, test } from 'vitest'
import { type AskAddresses, ResolvedName } from '../../src/base/socket.ts'

/** Gives each answer in turn, then the last one for ever; counts the questions. */
function resolver(...answers: (readonly string[] | Error)[]) {
  const asked: string[] = []
  const ask: AskAddresses = async (host) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? []
    asked.push(host)
    if (answer instanceof Error) throw answer
    return answer
  }
  return { ask, asked }
}

const gone = Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })

test('reading the address asks nobody: only refresh does', async () => {
  const { ask, asked } = resolver(['192.0.2.1'])
  const name = new ResolvedName('model.internal', ask)
  expect(name.address).toBeNull()
  expect(asked).toEqual([])
  await name.refresh()
  for (let index = 0; index < 100; index += 1) expect(name.address).toBe('192.0.2.1')
  expect(asked).toEqual(['model.internal'])
})

test('a refresh takes over what the name means now', async () => {
  const { ask } = resolver(['192.0.2.1'], ['192.0.2.9'])
  const name = new ResolvedName('model.internal', ask)
  await name.refresh()
  await name.refresh()
  expect(name.address).toBe('192.0.2.9')
})

test.each([
  ['fails', gone],
  ['answers with no address', []],
] as const)('while the resolver %s, the last good answer is kept', async (_how, bad) => {
  const { ask } = resolver(['192.0.2.1'], bad, bad, ['192.0.2.2'])
  const name = new ResolvedName('model.internal', ask)
  await name.refresh()
  for (let index = 0; index < 2; index += 1) {
    await name.refresh()
    expect(name.address).toBe('192.0.2.1')
    expect(name.failure).not.toBeNull()
  }
  await name.refresh()
  expect(name.address).toBe('192.0.2.2')
  expect(name.failure).toBeNull()
})

test('a question that hangs holds nobody up', () => {
  const name = new ResolvedName('model.internal', async () => new Promise(() => undefined))
  void name.refresh()
  expect(name.address).toBeNull()
})

test('after an address that cannot be reached comes the next one, and all of them in turn', async () => {
  const { ask } = resolver(['192.0.2.1', '2001:db8::1', '192.0.2.3'])
  const name = new ResolvedName('model.internal', ask)
  await name.refresh()
  const dialled = Array.from({ length: 4 }, () => {
    const { address } = name
    name.skip()
    return address
  })
  expect(dialled).toEqual(['192.0.2.1', '2001:db8::1', '192.0.2.3', '192.0.2.1'])
})

test('an address is no name: nobody is asked', async () => {
  const { ask, asked } = resolver([])
  for (const host of ['192.0.2.7', '[2001:db8::7]']) {
    const name = new ResolvedName(host, ask)
    await name.refresh()
    expect(name.address).toBe(host.replace(/[[\]]/g, ''))
  }
  expect(asked).toEqual([])
})
