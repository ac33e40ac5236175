/** docs/trace-format.md, made from the tables that the program itself reads and writes by. Pure. */
import { ARROW_KEYS } from './arrow-reader.ts'
import { fileName, type ColumnType, type TableName } from './columns.ts'
import { FORMAT_VERSION, type TraceHeader } from './header.ts'
import { LIMITS } from './limits.ts'
import { APPLICATION_ID } from './sqlite-schema.ts'
import { TABLE_NAMES, columnsOf } from './table.ts'

export type DigestVector = Readonly<{ name: string; rows: string; digest: string }>

const TABLE_TEXTS: Readonly<Record<TableName, string>> = {
  request: 'One row for each request, seen from the client side of the recorder or the replayer.',
  block:
    'The chains that `prefix_leaf` and `answer_leaf` end; parents stand before their children.',
  event: 'Whatever happened that is no request.',
  gap: 'What could not be recorded.',
  sample: 'Server metrics, scraped while it ran. A value that is NaN is not stored.',
}

const TYPE_TEXTS: Readonly<Record<ColumnType, readonly [sqlite: string, arrow: string]>> = {
  int: ['INTEGER', 'int64'],
  real: ['REAL', 'float64'],
  flag: ['INTEGER, 0 or 1', 'bool'],
  id: ['INTEGER, the 64 bits as a signed number', 'uint64'],
  text: ['TEXT', 'utf8'],
  json: ['TEXT, canonical JSON: keys sorted, no spaces', 'utf8'],
  bytes: ['BLOB', 'binary'],
}

/** Every field must be here: the type says so. */
const HEADER_TEXTS: Readonly<Record<keyof TraceHeader, string>> = {
  formatVersion: 'version of this format, written by the producer',
  oldestReader:
    'oldest version whose readers understand the file; a reader older than that refuses it',
  kind: '`recorded`, `imported`, `synthetic` or `replayed`',
  producer: 'program that made the file',
  producerVersion: 'its version',
  originWallUs: 'µs since 1970 of `at_us` = 0; null where it was dropped or never known',
  clock:
    '`quantum_us`, the smallest step of its times; `anchors`, where both clocks were read together',
  capture: '`policy` of what was kept, `sampling_share`, `sampled_by`, `notes`',
  hashing: '`scheme`, `block_bytes`, `block_tokens`, `key_id` of the ids in `block`',
  tokenizer: 'whose counts stand where `token_source` is `tokenizer`',
  server: '`software`, `version`, `models`, limits, `fingerprint`, salted hash of its address',
  seed: 'seed of what was drawn',
  planSha256: "SHA-256 of a replay's schedule",
  shard: "`index` and `count`, where the file is one machine's part of a replay",
  transforms: 'list of `name` and `arguments`, in the order applied',
  counts: 'rows of each table; null until the end is known',
  rowDigest: 'see below; null until the end is known',
  licence: 'SPDX identifier or a sentence',
  labels: 'free names and texts',
  signatures:
    '`key_id`, `public_key`, `signature` over row digest and the header without this field',
  interrupted: 'ended early',
}

/**
 * @param hashScheme the section on block ids, which another room defines
 * @param vectors traces as JSON, and their row digests
 */
export function formatDocument(hashScheme: string, vectors: readonly DigestVector[]): string {
  const parts = [
    OPENING,
    ...TABLE_NAMES.map(tableSection),
    '## Header',
    HEADER_OPENING,
    ...Object.entries(HEADER_TEXTS).map(([key, text]) => `| \`${fileName(key)}\` | ${text} |`),
    '',
    CODECS,
    CONTAINERS,
    limitsSection(),
    DIGEST,
    ...vectors.map(vectorSection),
    hashScheme.trimEnd(),
    '',
  ]
  return padTables(parts.join('\n'))
}

/** Columns of equal width and emphasis by underscores, as this repository's formatter has them. */
function padTables(markdown: string): string {
  const emphasised = markdown.replace(/(?<=[ (])\*(\w+)\*/g, '_$1_')
  return emphasised.replace(/(?:^\|.*\n)+/gm, (table) => {
    const rows = table
      .trimEnd()
      .split('\n')
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      )
    const widths = (rows[0] ?? []).map((_, index) =>
      Math.max(3, ...rows.map((cells, row) => (row === 1 ? 0 : (cells[index] ?? '').length))),
    )
    const lines = rows.map((cells, row) => {
      const fill = row === 1 ? '-' : ' '
      const padded = widths.map((width, index) =>
        (row === 1 ? '' : (cells[index] ?? '')).padEnd(width, fill),
      )
      return `| ${padded.join(' | ')} |`
    })
    return `${lines.join('\n')}\n`
  })
}

function tableSection(table: TableName): string {
  const rows = columnsOf(table).map(({ file, type, unit, nullable, meaning }) => {
    return `| \`${file}\` | ${type}${nullable ? '' : ', never null'} | ${unit} | ${meaning} |`
  })
  const head = `## Table \`${table}\`\n\n${TABLE_TEXTS[table]}\n`
  return [head, '| column | type | unit | meaning |', '|---|---|---|---|', ...rows, ''].join('\n')
}

function limitsSection(): string {
  const rows = Object.entries(LIMITS).map(
    ([name, value]) => `| \`${name}\` | ${value.toLocaleString('en-US')} |`,
  )
  return [
    '## Limits of the reader',
    '',
    'A file beyond one of these is refused, by its name.',
    '',
    '| name | value |',
    '|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function vectorSection({ name, rows, digest }: DigestVector): string {
  return `${name}:\n\n\`\`\`text\n${rows}\n\`\`\`\n\nhas the row digest \`${digest}\`.\n`
}

const OPENING = `# Trace format, version ${FORMAT_VERSION}

<!-- Made by \`npm run docs\` from src/trace; a test fails when it is stale. -->

A trace holds sizes, times and outcomes of LLM requests, and keyed ids of the prefixes that they share;
no text. The same tables stand in two containers, an SQLite file and an Arrow file, told apart by their
first bytes. A recording is a folder of SQLite files, its segments: a request's row stands in the
segment in which it ended, \`seq\` is unique in the folder, and readers take the rows of all segments
by (\`at_us\`, \`seq\`). Should two segments hold the same row, the later one counts.

All times are whole µs. _Sent_ is \`at_us + lag_us + upload_us\`: the last byte of the request left.
Columns are only ever added, at the end of their table; a reader takes an absent column as null. In Arrow
it ignores one that it does not know; an SQLite file is read only if its schema is exactly that of a
released version.

| type | SQLite | Arrow |
|---|---|---|
${Object.entries(TYPE_TEXTS)
  .map(([type, [sqlite, arrow]]) => `| ${type} | ${sqlite} | ${arrow} |`)
  .join('\n')}

Whole numbers stay below 2^53 either way. No id is 0, and −0 is stored as 0.
`

const HEADER_OPENING = `
JSON with sorted keys. A field that a reader does not know is kept as it is.

| field | meaning |
|---|---|`

const CODECS = `## Packed lists

All numbers are varints: seven bits a byte, low bits first, the high bit set on all bytes but the last.
A signed number n is stored as 2n, or −2n − 1 where it is negative.

- \`chunk_times\`: a first number, twice the first time (as a signed number) plus a mode. In mode 0 the
  first delta follows, then for each further chunk the change of the delta; in mode 1 a usual delta
  follows, then for each further chunk its delta minus that; all signed. The writer takes the shorter. So
  most chunks take two bytes, and no µs is lost. Example, mode 0: 20000, 40000, 60003 is
  \`80f104 c0b802 06\`.
- \`chunk_tokens\`: pairs of unsigned numbers: tokens of a chunk, and how many chunks in a row had so many.
  Null where every chunk had one token. Example: 1, 1, 1, 4 is \`0103 0401\`.
- \`chunk_kinds\`: one byte each, 0 content, 1 reasoning, 2 tool call; null where all are content.
`

const CONTAINERS = `## SQLite

\`application_id\` is 0x${APPLICATION_ID.toString(16)} ("vTRC"), \`user_version\` the format version. All
tables are STRICT. \`header\` has rows \`start\`, the header when the file was begun, \`end\`, the header
when it was finished (no such row: cut off, or still being written) and, where it is so, \`order\`: rows
with a larger \`seq\` never have a smaller \`at_us\`. A segment is in WAL mode while it is written, so it can
be read at the same time; finished, it is one file in journal mode DELETE.

While a request is under way its row has no outcome. A reader of an unfinished recording takes such rows
as \`unobserved_end\`.

## Arrow

An Arrow IPC file, each buffer compressed with zstd, that pandas, polars and DuckDB (through pyarrow) open
as it is: its rows are \`request\`, sorted by (\`at_us\`, \`seq\`).

- The schema's metadata has the header when the file was begun under \`${ARROW_KEYS.header}\`.
- Rows of the other tables travel in batches without rows: \`${ARROW_KEYS.table}\` in the batch's metadata
  names the table, and \`${ARROW_KEYS.part}\` is an Arrow file of some of its rows, as base64.
- Arrow's footer repeats the schema, that header with it, and says where the batches are; a file whose
  footer says something else is refused.
- The last batch, without rows, has the final header under \`${ARROW_KEYS.end}\`. Without it, or without
  Arrow's own footer after it, the file is cut off; what came before the cut can still be read.
`

const DIGEST = `## Row digest

What a trace says, as one number: the same in either container, however its rows are batched and its
blocks are stored. SHA-256 over the bytes \`vllm-trace rows 1\\n\`, then for each table in the order above:

1. its name and a newline;
2. its rows: \`request\` by (\`at_us\`, \`seq\`), \`block\` by \`id\` as an unsigned number, the others by their
   columns in order (null first, text by its UTF-8 bytes);
3. a zero byte.

A row is each of its values that is not null, in the order of the columns: one byte, the column's place in
its table from 1 on, then the value; and a zero byte. \`int\` and \`id\` are eight bytes, low first
(two's complement); \`real\` is an IEEE double, low byte first; \`flag\` is one byte; \`text\`, \`json\` and \`bytes\`
are four bytes of length, low first, and the bytes. An id names its whole chain, and every block of it is
in the digest, so a row's prefix counts by its content. A column that is added later, and is null, changes
nothing.

Reading checks structure: lost pages, rows out of order, values of a wrong type, an end that is missing. It
does not hash, so a bit that flipped inside a number is read as another number. \`trace verify\` notices it:
it reads every row and compares this digest; \`trace sign\` and \`trace push\` do the same first, and
\`trace pull\` compares the file's SHA-256 with the promised one.

The _file digest_ is the SHA-256 of a file's bytes; push and pull go by that. A signature covers the row
digest and the header without its signatures.
`
