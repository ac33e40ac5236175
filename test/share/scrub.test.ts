/** What a recipient can do with a scrubbed trace: each attack, and what stops it or what remains. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { checkTrace } from '../../src/share/scrub-check.ts'
import { parsePolicy } from '../../src/share/options.ts'
import { POLICIES, roundTokens, type Preset } from '../../src/share/scrub-policy.ts'
import { formatScrub } from '../../src/share/scrub-text.ts'
import { scrubTrace } from '../../src/share/scrub.ts'
import { encodeChunkTimes } from '../../src/trace/chunk-times.ts'
import type { BlockRow, RequestRow } from '../../src/trace/columns.ts'
import { createTrace } from '../../src/trace/create.ts'
import { newHeader, type TraceHeader } from '../../src/trace/header.ts'
import { openTrace } from '../../src/trace/open.ts'
import { extendChain, chainKey, rootId, startChain } from '../../src/stream/prefix-chain.ts'
import { rowsOf } from '../support/memory-trace.ts'

const folder = mkdtempSync(join(tmpdir(), 'scrub-'))
let fileCount = 0

type Row = Partial<RequestRow>

async function written(rows: Row[], blocks: BlockRow[], header: Partial<TraceHeader> = {}) {
  const path = join(folder, `in-${(fileCount += 1)}.arrow`)
  const writer = await createTrace(path, newHeader('recorded', header))
  await writer.addBlocks(blocks)
  await writer.addRequests(rows)
  await writer.finish()
  return path
}

async function scrubbed(
  input: string,
  preset: Preset,
  key: Uint8Array | null = null,
  recipients: readonly string[] | null = null,
) {
  const output = join(folder, `out-${(fileCount += 1)}.arrow`)
  const policy = parsePolicy(
    recipients === null ? { preset } : { preset, recipient: [...recipients] },
  )
  const result = await scrubTrace({
    input,
    output,
    policy,
    key,
    recipients: new Set(recipients),
    isForced: false,
  })
  const reader = await openTrace(output)
  const rows = await rowsOf(reader)
  const blocks: bigint[] = []
  for await (const batch of reader.blocks()) {
    blocks.push(...batch.columns.id.slice(0, batch.rowCount))
  }
  const { header } = reader
  await reader.close()
  return { output, rows, blocks, header, result }
}

const KEY = chainKey(Buffer.alloc(32, 7))
const ROOT = rootId(KEY, { family: 'templated', model: 'm', adapter: null, cacheSalt: null })
const chainOf = (text: string, root = ROOT, key = KEY) =>
  extendChain(key, startChain(root), Buffer.from(text))

/** Requests with the given prompts, as the recorder would have written them. */
function recorded(
  prompts: readonly Readonly<{ text: string; tenant?: string; session?: string }>[],
): { rows: Row[]; blocks: BlockRow[] } {
  const blocks = new Map<bigint, BlockRow>()
  const rows = prompts.map(({ text, tenant, session }, seq): Row => {
    const ids = [...chainOf(text).ids]
    ids.forEach((id, index) => blocks.set(id, { id, parent: ids[index - 1] ?? null, tokens: 64 }))
    return {
      seq,
      atUs: seq * 1_000_357,
      endpoint: 'chat',
      model: 'm',
      promptTokens: Math.ceil(text.length / 4),
      outputTokens: 10 + seq,
      ...(tenant === undefined ? {} : { tenant }),
      ...(session === undefined ? {} : { session }),
      prefixLeaf: ids.at(-1) ?? null,
      prefixBlocks: ids.length,
      outcome: 'ok',
    }
  })
  return { rows, blocks: [...blocks.values()] }
}

const SYSTEM = 'You are the assistant of Example Corp. '.repeat(20)
const many = (count: number, tenant: string, text = SYSTEM) =>
  Array.from({ length: count }, (_, turn) => ({
    text: `${text}${tenant} asks ${turn} `.padEnd(text.length + 400, '.'),
    tenant,
    session: `${tenant}-${turn}`,
  }))

const leaves = (rows: readonly Row[]) => rows.map(({ prefixLeaf }) => prefixLeaf ?? null)

describe('dictionary on short prompts', () => {
  test('the ids of a guessed prompt cannot be computed without the key, and are new in each copy', async () => {
    const input = recorded(many(12, 'a'))
    const path = await written(input.rows, input.blocks)
    const guess = [...chainOf(SYSTEM).ids]
    const other = [...chainOf(SYSTEM, ROOT, chainKey(Buffer.alloc(32, 8))).ids]
    for (const preset of ['team', 'partner', 'public'] as const) {
      const { blocks } = await scrubbed(path, preset)
      expect(blocks.filter((id) => guess.includes(id) || other.includes(id))).toEqual([])
    }
  })

  test('lengths of short prompts fall together: 16 candidates a length in public, 4 for a partner', () => {
    const lengths = Array.from({ length: 64 }, (_, tokens) => tokens + 1)
    const distinct = (preset: Preset) =>
      new Set(lengths.map((tokens) => roundTokens(tokens, POLICIES[preset], 'prompt'))).size
    expect([distinct('team'), distinct('partner'), distinct('public')]).toEqual([64, 16, 4])
  })

  test('a rounded prompt is never shorter than it was, and at most one step longer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000_000 }), (tokens) => {
        for (const preset of ['partner', 'public'] as const) {
          const policy = POLICIES[preset]
          const rounded = roundTokens(tokens, policy, 'prompt')
          const step = Math.max(policy.leastStepTokens, (2 * tokens) / policy.stepsPerOctave!)
          expect(rounded).toBeGreaterThanOrEqual(tokens)
          expect(rounded - tokens).toBeLessThan(step)
          expect(roundTokens(rounded, policy, 'prompt')).toBe(rounded)
        }
      }),
    )
  })
})

describe('joining two traces', () => {
  let path = ''
  beforeAll(async () => {
    const { rows, blocks } = recorded([...many(12, 'a'), ...many(12, 'b'), ...many(12, 'c')])
    path = await written(rows, blocks)
  })

  const names = (rows: readonly Row[]) =>
    rows
      .flatMap(({ prefixLeaf, session, tenant }) => [prefixLeaf, session, tenant])
      .filter((id) => id != null)

  test('two copies under fresh keys have not one id in common', async () => {
    for (const preset of ['team', 'partner', 'public'] as const) {
      const [first, second] = [await scrubbed(path, preset), await scrubbed(path, preset)]
      const known = new Set(names(first.rows))
      expect(names(second.rows).filter((name) => known.has(name))).toEqual([])
    }
  })

  test('two copies under one key can be joined, on purpose', async () => {
    const key = Buffer.alloc(32, 1)
    const [first, second] = [
      await scrubbed(path, 'partner', key),
      await scrubbed(path, 'partner', key),
    ]
    expect(names(second.rows)).toEqual(names(first.rows))
    expect(second.header.rowDigest).toBe(first.header.rowDigest)
  })

  test('what remains: arrivals and lengths still join two copies of the same hours', async () => {
    const [first, second] = [await scrubbed(path, 'public'), await scrubbed(path, 'partner')]
    const apart = first.rows.map(({ atUs }, row) =>
      Math.abs((atUs ?? 0) - (second.rows[row]?.atUs ?? 0)),
    )
    expect(Math.max(...apart)).toBeLessThanOrEqual(5_500)
  })
})

describe('lengths of streamed tokens', () => {
  test('no size of a single token is in any trace; total bytes go under partner and public', async () => {
    const { rows, blocks } = recorded(many(12, 'a'))
    const streamed = rows.map((row) => ({
      ...row,
      responseBytes: 4_000,
      requestBytes: 900,
      chunkTimes: encodeChunkTimes([20_123, 40_456, 61_789]),
    }))
    const path = await written(streamed, blocks)
    const team = await scrubbed(path, 'team')
    const partner = await scrubbed(path, 'partner')
    const open = await scrubbed(path, 'public')
    expect(team.rows[0]).toMatchObject({ responseBytes: 4_000 })
    for (const { rows: kept } of [partner, open]) {
      expect(kept.some((row) => row.responseBytes != null || row.requestBytes != null)).toBe(false)
    }
    expect(partner.rows[0]?.chunkTimes).toEqual(encodeChunkTimes([20_000, 40_000, 62_000]))
    expect(open.rows.some((row) => row.chunkTimes != null)).toBe(false)
  })
})

describe('a planted guess of the system prompt', () => {
  const tenantsOf = (name: string, count: number) =>
    Array.from({ length: count }, (_, number) => `${name}-${number}`)

  /** The recipient is the tenants `spies`: it sent the guessed prompt before, and knows its own rows. */
  const planted = (tenants: readonly string[], spies: readonly string[]) =>
    recorded([
      ...tenants.flatMap((tenant) => many(12, tenant)),
      ...spies.flatMap((spy) => many(12, spy)),
      ...many(12, 'other', 'Quite another prompt of another tenant. '.repeat(20)),
    ])

  /** Requests of others that share an id with the spies' own: what the guess confirms. */
  async function confirmed(
    preset: Preset,
    tenants: readonly string[],
    spies: readonly string[] = ['spy'],
    recipients: readonly string[] | null = null,
  ): Promise<number> {
    const { rows, blocks } = planted(tenants, spies)
    const { output } = await scrubbed(await written(rows, blocks), preset, null, recipients)
    const reader = await openTrace(output)
    const parents = new Map<bigint, bigint>()
    for await (const batch of reader.blocks()) {
      for (let row = 0; row < batch.rowCount; row += 1) {
        parents.set(batch.columns.id[row]!, batch.columns.parent[row]!)
      }
    }
    const kept = await rowsOf(reader)
    await reader.close()
    const chain = (leaf: bigint | null | undefined) => {
      const ids: bigint[] = []
      for (let id = leaf ?? 0n; id !== 0n; id = parents.get(id) ?? 0n) ids.push(id)
      return ids
    }
    const [first, end] = [tenants.length * 12, (tenants.length + spies.length) * 12]
    const own = new Set(kept.slice(first, end).flatMap((row) => chain(row.prefixLeaf)))
    const others = [...kept.slice(0, first), ...kept.slice(end)]
    return others.filter((row) => chain(row.prefixLeaf).some((id) => own.has(id))).length
  }

  test('team: it shows whose requests begin with it, and scrub says so', async () => {
    expect(await confirmed('team', ['victim'])).toBe(12)
    const { rows, blocks } = planted(['victim'], ['spy'])
    const { result } = await scrubbed(await written(rows, blocks), 'team')
    expect(formatScrub(result)).toMatch(/who plants a\s+guessed prompt sees which requests begin/)
  })

  test('what scrub says names each thing that is gone, and nothing that was not there', async () => {
    const row = { seq: 0, atUs: 0, endpoint: 'chat', model: 'rare', tenant: 'small' }
    const { result } = await scrubbed(await written([row], []), 'partner')
    const [removed = ''] = formatScrub(result).split('still tells')
    expect(removed.replaceAll(/\s+/g, ' ')).toBe(
      'removed the old ids, wall clock, times below 1 ms, lengths between steps of 4 tokens ' +
        'and more, 1 rare model, 1 small tenant, 7 columns, labels, events, server metrics ',
    )
    expect(formatScrub(result)).toContain('fidelity   arrivals KS 0.0000\n')
  })

  test.each([1, 2, 3, 10])(
    'partner, public: it confirms nothing, whether %i others have it or the client has as many tenants',
    async (count) => {
      for (const preset of ['partner', 'public'] as const) {
        expect(await confirmed(preset, tenantsOf('victim', count))).toBe(0)
        expect(await confirmed(preset, ['victim'], tenantsOf('spy', count))).toBe(0)
        expect(await confirmed(preset, tenantsOf('victim', 3), tenantsOf('spy', count))).toBe(0)
      }
    },
  )

  test('partner, for a known recipient: one or two others are too few to share it', async () => {
    expect(await confirmed('partner', tenantsOf('victim', 2), ['spy'], [])).toBe(0)
  })

  test.each([1, 2, 3, 10])(
    'partner, for a known recipient: its %i tenants, all named, confirm nothing, however many have it',
    async (count) => {
      const spies = tenantsOf('spy', count)
      expect(await confirmed('partner', tenantsOf('victim', 5), spies, spies)).toBe(0)
    },
  )

  test('partner, what remains: a recipient that was said to be no client and is one', async () => {
    expect(await confirmed('partner', tenantsOf('victim', 3), ['spy'], [])).toBe(36)
    expect(await confirmed('partner', ['victim'], tenantsOf('spy', 4), [])).toBe(12)
  })

  test('partner: a tenant that is named and is not there is refused', async () => {
    const { rows, blocks } = planted(['victim'], ['spy'])
    const input = await written(rows, blocks)
    await expect(scrubbed(input, 'partner', null, ['nobody'])).rejects.toThrow('no request is of')
  })

  test('partner, public: the guessed name of a session joins nothing to it', async () => {
    const { rows, blocks } = planted(['victim'], ['spy'])
    const input = await written(
      rows.map((row, seq) => ({ ...row, session: 'chat-1', turn: seq, parentSeq: seq - 1 })),
      blocks,
    )
    for (const preset of ['partner', 'public'] as const) {
      const { rows: kept } = await scrubbed(input, preset)
      const names = (from: number) => new Set(kept.slice(from, from + 12).map((row) => row.session))
      const ids = (from: number) => leaves(kept.slice(from, from + 12)).filter((id) => id !== null)
      expect([...names(0)].filter((name) => names(12).has(name))).toEqual([])
      expect(ids(0).filter((id) => ids(12).includes(id))).toEqual([])
      expect(kept.some(({ turn, parentSeq }) => turn != null || parentSeq != null)).toBe(false)
    }
  })

  test('partner, public: nor does a name that reads as that of another tenant’s session', async () => {
    const { rows, blocks } = planted(['a of b'], ['b'])
    const name = ({ tenant }: Row) => (tenant === 'b' ? 'chat of a' : 'chat')
    const named = rows.map((row) => ({ ...row, session: name(row) }))
    const input = await written(named, blocks)
    for (const preset of ['partner', 'public'] as const) {
      const { rows: kept } = await scrubbed(input, preset)
      expect(new Set(kept.map(({ session }) => session)).size).toBe(3)
      const ids = (part: readonly Row[]) => leaves(part).filter((id) => id !== null)
      const own = new Set(ids(kept.slice(0, 12)))
      expect(ids(kept.slice(12)).filter((id) => own.has(id))).toEqual([])
    }
  })

  test('partner, public: what the server had cached of it, which would confirm it too, is gone', async () => {
    const { rows, blocks } = planted(['victim'], ['spy'])
    const path = await written(
      rows.map((row) => ({ ...row, cachedTokens: 192 })),
      blocks,
    )
    for (const preset of ['partner', 'public'] as const) {
      const { rows: kept } = await scrubbed(path, preset)
      expect(kept.some(({ cachedTokens }) => cachedTokens != null)).toBe(false)
    }
  })

  test('partner: a client whose requests name no tenant shares with nobody', async () => {
    const anonymous = many(12, 'spy').map(({ text, session }) => ({ text, session }))
    const { rows, blocks } = recorded([
      ...['victim', 'second', 'third', 'fourth'].flatMap((tenant) => many(12, tenant)),
      ...anonymous,
    ])
    const { rows: kept } = await scrubbed(await written(rows, blocks), 'partner', null, [])
    expect(leaves(kept.slice(48)).every((leaf) => leaf === null)).toBe(true)
    expect(leaves(kept.slice(0, 48)).some((leaf) => leaf !== null)).toBe(true)
  })

  test('partner: without tenants nothing is common, because nobody can be counted', async () => {
    const { rows, blocks } = recorded(many(12, 'a').map(({ text, session }) => ({ text, session })))
    const { rows: kept } = await scrubbed(await written(rows, blocks), 'partner', null, [])
    expect(leaves(kept).every((leaf) => leaf === null)).toBe(true)
  })

  test('tenants share nothing before it is said who receives the copy, and the gate wants it said too', () => {
    const tenants = (raw: object) => parsePolicy({ preset: 'partner', ...raw }).minOtherTenants
    expect([tenants({}), tenants({ recipient: ['none'] })]).toEqual([Infinity, 3])
    expect(() => tenants({ k: '5' })).toThrow('--k wants --recipient')
    expect([tenants({ check: true }), tenants({ check: true, k: '5' })]).toEqual([Infinity, 5])
  })
})

describe('the steps', () => {
  const full = (): { rows: Row[]; blocks: BlockRow[] } => {
    const { rows, blocks } = recorded([...many(12, 'a'), ...many(4, 'tiny')])
    const marked = rows.map((row, index) => ({
      ...row,
      ttftUs: 12_345,
      params: '{"temperature":0.7}',
      adapter: 'customer-lora',
      label: 'replay',
      model: index === 0 ? 'rare-model' : 'm',
    }))
    return { rows: marked, blocks }
  }

  test('land in the header, in order, and old signatures go', async () => {
    const { rows, blocks } = full()
    const path = await written(rows, blocks, {
      originWallUs: 5,
      signatures: [{ keyId: 'x', publicKey: 'y', signature: 'z' }],
      labels: { cluster: 'secret-1' },
    })
    const { header } = await scrubbed(path, 'partner')
    expect(header.transforms.map(({ name }) => name)).toEqual([
      'scrub.preset',
      'scrub.rekey',
      'scrub.drop-lone-ids',
      'scrub.unshare',
      'scrub.drop-wall-clock',
      'scrub.round-times',
      'scrub.round-lengths',
      'scrub.rare-models',
      'scrub.small-tenants',
      'scrub.drop-columns',
      'scrub.drop-marks',
    ])
    expect(header).toMatchObject({ originWallUs: null, signatures: [], labels: {} })
  })

  test('small tenants, rare models, adapters, marks and fine times are gone', async () => {
    const { rows, blocks } = full()
    const { rows: kept } = await scrubbed(await written(rows, blocks), 'partner')
    expect(kept.slice(12).every((row) => row.tenant == null)).toBe(true)
    expect(kept[0]?.model).toBe('other')
    expect(kept[0]?.adapter).toMatch(/^[0-9a-f]{16}$/)
    expect(kept[0]?.label ?? null).toBeNull()
    expect(kept[0]?.ttftUs).toBe(12_000)
    expect(kept.every((row) => (row.atUs ?? 0) % 1_000 === 0)).toBe(true)
  })

  test('waits between requests are times too: rounded, and the gate looks at them', async () => {
    const { rows, blocks } = recorded(many(12, 'a'))
    const wait = (delayUs: number) =>
      `[{"delayUs":${delayUs},"relation":"sequence","seq":0,"trigger":"end"}]`
    const waiting = rows.map((row, seq) =>
      seq === 1 ? { ...row, dependencies: wait(1_234_567) } : row,
    )
    const path = await written(waiting, blocks)
    const { rows: kept, output } = await scrubbed(path, 'public')
    expect(kept[1]?.dependencies).toBe(wait(1_230_000))
    expect(await checkTrace(output, POLICIES.public)).toEqual([])
    const found = (await checkTrace(path, POLICIES.public)).map(({ what }) => what)
    expect(found).toContain('times finer than 10000 µs')
  })

  test('the gate can be as strict as anyone asks', async () => {
    const tenants = Array.from({ length: 70 }, (_, number) => `tenant-${number}`)
    const { rows, blocks } = recorded(tenants.flatMap((tenant) => many(10, tenant)))
    const input = await written(rows, blocks)
    const { output, rows: kept } = await scrubbed(input, 'partner', null, [])
    expect(leaves(kept).some((leaf) => leaf !== null)).toBe(true)
    expect(await checkTrace(output, { ...POLICIES.partner, minOtherTenants: 69 })).toEqual([])
    expect(await checkTrace(output, { ...POLICIES.partner, minOtherTenants: 70 })).not.toEqual([])
  })

  test('ids that one request had are gone, and no shared one is', async () => {
    const { rows, blocks } = full()
    const { blocks: ids } = await scrubbed(await written(rows, blocks), 'team')
    const common = Math.floor(SYSTEM.length / 256)
    expect(ids).toHaveLength(common)
  })

  test('the gate passes what scrub wrote and names what else it finds', async () => {
    const { rows, blocks } = full()
    const path = await written(rows, blocks, { originWallUs: 5, labels: { a: 'b' } })
    for (const preset of ['team', 'partner', 'public'] as const) {
      const { output } = await scrubbed(path, preset)
      expect(await checkTrace(output, POLICIES[preset])).toEqual([])
    }
    const found = (await checkTrace(path, POLICIES.partner)).map(({ what }) => what)
    expect(found).toEqual(
      expect.arrayContaining([
        'ids that were never given a new key',
        'wall clock of the start',
        'labels',
        'lengths not rounded',
        'times finer than 1000 µs',
        'session that is no keyed id',
        'column label',
        'models with fewer than 10 requests',
        'tenants with fewer than 10 requests',
      ]),
    )
  })

  test('what leaves under a weaker preset does not pass a stronger gate', async () => {
    const { rows, blocks } = full()
    const { output } = await scrubbed(await written(rows, blocks), 'team')
    expect((await checkTrace(output, POLICIES.partner)).length).toBeGreaterThan(0)
  })
})
