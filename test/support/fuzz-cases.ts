/** Damaged files, each made again from its number, and what a reader may do with them. */
import assert from 'node:assert/strict'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { tableFromArrays, tableToIPC } from 'apache-arrow'
import fc from 'fast-check'
import { TraceError } from '../../src/base/errors.ts'
import { sequenceFor } from '../../src/base/random.ts'
import { exportTrace } from '../../src/formats/export.ts'
import { EXPORTERS } from '../../src/formats/exporters.ts'
import { openTrace } from '../../src/trace/open.ts'
import { TABLE_NAMES } from '../../src/trace/table.ts'
import { importText } from './import-rows.ts'
import { ANY_TABLES } from './random-rows.ts'
import type { TableRows } from './rows-trace.ts'
import { readTables, writeTables } from './write-tables.ts'

type Base = Readonly<{ name: string; bytes: Buffer; isTrace: boolean }>

const SHARED = '../shared/traces'
const MAX_BASE_BYTES = 6_000

export class FuzzCases {
  readonly folder: string
  readonly #bases: readonly Base[]
  readonly #seed: string

  private constructor(folder: string, bases: readonly Base[], seed: string) {
    this.folder = folder
    this.#bases = bases
    this.#seed = seed
  }

  /** Sound files of both containers, of every format that is written, and of any at hand. */
  static async prepare(seed: string): Promise<FuzzCases> {
    const folder = mkdtempSync(join(tmpdir(), 'trace-fuzz-'))
    const bases = [
      ...(await containerBases(folder)),
      ...(await formatBases(folder)),
      foreignArrow(),
      ...sharedBases(),
    ]
    return new FuzzCases(folder, bases, seed)
  }

  /** The name of the sound file that a case is made from. */
  baseOf(index: number): string {
    return pick(this.#bases, sequenceFor(this.#seed, `case ${index}`)).name
  }

  /** @returns what became of it; any other error than a TraceError is thrown, with the case's name */
  async run(index: number): Promise<'read' | 'refused'> {
    const draw = sequenceFor(this.#seed, `case ${index}`)
    const base = pick(this.#bases, draw)
    const bytes = damage(base.bytes, pick(this.#bases, draw).bytes, draw)
    try {
      await (base.isTrace ? readTrace(join(this.folder, 'case'), bytes) : importText(bytes))
      return 'read'
    } catch (error) {
      if (error instanceof TraceError && error.message.length > 0) return 'refused'
      throw new Error(`case ${index} of seed ${this.#seed}, from ${base.name}`, { cause: error })
    }
  }

  /**
   * A small file of each container cut off at every byte: what is read must be a prefix, and known to be
   * incomplete.
   *
   * @param seen is called before each cut
   */
  async cutEverywhere(seen: (name: string) => void): Promise<void> {
    for (const container of ['sqlite', 'arrow']) {
      const bytes = readFileSync(`fixtures/trace-v1.${container}`)
      const full = await readTrace(join(this.folder, 'case'), bytes)
      for (let length = 0; length < bytes.length; length += 1) {
        seen(`${container} cut at byte ${length}`)
        const cut = await outcomeOf(readTrace(join(this.folder, 'case'), bytes.subarray(0, length)))
        assert(
          cut === null || isPrefix(cut, full),
          `${container} cut at ${length} is another trace`,
        )
      }
    }
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

type Contents = Required<TableRows> & Readonly<{ isComplete: boolean }>

/** @returns null for a TraceError */
async function outcomeOf(reading: Promise<Contents>): Promise<Contents | null> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof TraceError) return null
    throw error
  }
}

function isPrefix(cut: Contents, full: Contents): boolean {
  const isPart = TABLE_NAMES.every((table) => {
    return isDeepStrictEqual(cut[table], full[table].slice(0, cut[table].length))
  })
  return isPart && !cut.isComplete
}

async function readTrace(path: string, bytes: Buffer): Promise<Contents> {
  writeFileSync(path, bytes)
  const reader = await openTrace(path)
  try {
    return { ...(await readTables(reader)), isComplete: reader.isComplete }
  } finally {
    await reader.close()
  }
}

async function containerBases(folder: string): Promise<Base[]> {
  const bases: Base[] = []
  for (const container of ['sqlite', 'arrow']) {
    const golden = readFileSync(`fixtures/trace-v1.${container}`)
    bases.push({ name: `golden ${container}`, bytes: golden, isTrace: true })
    for (const [index, tables] of fc.sample(ANY_TABLES, { numRuns: 3, seed: 7 }).entries()) {
      const path = join(folder, `any.${container}`)
      await writeTables(path, tables)
      bases.push({ name: `any ${index} ${container}`, bytes: readFileSync(path), isTrace: true })
    }
  }
  return bases
}

async function formatBases(folder: string): Promise<Base[]> {
  const path = join(folder, 'demand.sqlite')
  const request = Array.from({ length: 6 }, (_, seq) => ({
    seq,
    atUs: seq * 1_500,
    endpoint: 'chat',
    session: seq % 2 === 0 ? 'a' : 'b',
    turn: Math.floor(seq / 2),
    ...(seq >= 2 ? { parentSeq: seq - 2 } : {}),
    model: 'm',
    stream: true,
    promptTokens: 100 + seq,
    outputTokens: 10 + seq,
    outcome: 'ok',
    prefixLeaf: BigInt(1 + (seq % 2)),
    prefixBlocks: 1 + (seq % 2),
  }))
  const block = [
    { id: 1n, parent: null, tokens: 16 },
    { id: 2n, parent: 1n, tokens: 16 },
  ]
  await writeTables(path, { request, block }, { originWallUs: 1_700_000_000_000_000 })
  const bases: Base[] = []
  for (const exporter of EXPORTERS) {
    const reader = await openTrace(path)
    const output = join(folder, 'exported')
    await exportTrace(reader, exporter, { output, consumer: null, isForced: true })
    await reader.close()
    bases.push({ name: exporter.name, bytes: readFileSync(output), isTrace: false })
  }
  return bases
}

/** As another program writes it. */
function foreignArrow(): Base {
  const table = tableFromArrays({
    timestamp_start_unix_ms: [1_753_780_607_550, 1_753_780_608_050],
    prompt: ['a', 'b'],
    input_tokens: Int32Array.of(128, 100),
    output_tokens: Int32Array.of(5, 6),
    block_size: Int32Array.of(64, 64),
  })
  return { name: 'foreign arrow', bytes: Buffer.from(tableToIPC(table, 'file')), isTrace: false }
}

/** The first lines of public traces, where they lie beside the repository. */
function sharedBases(): Base[] {
  if (!existsSync(SHARED)) return []
  const names = readdirSync(SHARED, { recursive: true, encoding: 'utf8' })
  const files = names.filter((name) => /\.(?:csv|jsonl?|json|log|parquet|gz|zst)$/.test(name))
  return files
    .toSorted()
    .map((name) => ({ name, bytes: headOf(join(SHARED, name)), isTrace: false }))
}

function headOf(path: string): Buffer {
  const bytes = Buffer.alloc(MAX_BASE_BYTES)
  const file = openSync(path, 'r')
  const length = readSync(file, bytes, 0, MAX_BASE_BYTES, 0)
  closeSync(file)
  const lastLine = bytes.subarray(0, length).lastIndexOf(10)
  return bytes.subarray(0, lastLine > 0 ? lastLine + 1 : length)
}

type Draw = () => number

function pick<T>(from: readonly T[], draw: Draw): T {
  return from[Math.floor(draw() * from.length)] as T
}

const TOKENS = [
  '"',
  ',',
  '\n',
  '\r',
  '\0',
  '{',
  '[',
  '}',
  ']',
  ':',
  '1e999',
  '-1',
  '0',
  'null',
  'NaN',
  '99999999999999999999',
  '__proto__',
  '\u202e',
  '[['.repeat(3_000),
  'A'.repeat(5_000),
  '\ud800',
]
const NUMBERS = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_ffffn,
]

/** One to six wounds. */
function damage(whole: Buffer, other: Buffer, draw: Draw): Buffer {
  let bytes: Buffer = Buffer.from(whole)
  const count = 1 + Math.floor(draw() * 6)
  for (let wound = 0; wound < count && bytes.length > 0; wound += 1)
    bytes = hurt(bytes, other, draw)
  return bytes
}

function hurt(bytes: Buffer, other: Buffer, draw: Draw): Buffer {
  const at = Math.floor(draw() * bytes.length)
  const end = Math.min(bytes.length, at + 1 + Math.floor(draw() ** 3 * bytes.length))
  const cut = (from: number, to: number) => bytes.subarray(from, to)
  switch (Math.floor(draw() * 9)) {
    case 0:
      return cut(0, at)
    case 1:
      return Buffer.concat([cut(0, at), cut(end, bytes.length)])
    case 2:
      return Buffer.concat([cut(0, end), cut(at, bytes.length)])
    case 3:
      return Buffer.concat([cut(0, at), other.subarray(0, end - at), cut(end, bytes.length)])
    case 4:
      return Buffer.concat([cut(0, at), Buffer.from(pick(TOKENS, draw)), cut(at, bytes.length)])
    case 5: {
      const changed = Buffer.from(bytes)
      if (at + 8 <= bytes.length) changed.writeBigUInt64LE(pick(NUMBERS, draw), at)
      return changed
    }
    case 6: {
      const changed = Buffer.from(bytes)
      const aligned = at - (at % 4)
      if (aligned + 4 <= bytes.length)
        changed.writeUInt32LE(Number(pick(NUMBERS, draw) & 0xffff_ffffn), aligned)
      return changed
    }
    default: {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ (1 << Math.floor(draw() * 8))
      return changed
    }
  }
}
