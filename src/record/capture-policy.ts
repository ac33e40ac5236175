/** What a recording keeps, in words, for whoever has to agree to it. Pure. */
import { fold, TEXT_COLUMNS } from '../base/fold.ts'
import { REQUEST_COLUMNS, TABLES, fileName } from '../trace/columns.ts'

/** Columns whose value is a keyed id: equal texts give equal ids, and nothing else can be told. */
const KEYED = new Set(['session', 'tenant', 'prefixLeaf', 'answerLeaf'])

const HEAD = `What trace record keeps. Everything else is dropped where it is read.

Never kept, in no file, log or metric: text of prompts, answers, tools and
errors; header values; paths and query strings; addresses of clients; user names
and keys; ids of requests and responses.

Looked at and forgotten: request and answer bodies, for sizes, token counts,
keyed ids; the headers content-length, transfer-encoding, connection, upgrade,
content-type, content-encoding, retry-after, x-stainless-retry-count,
x-trace-replay, x-request-id, and those that --session-by and --tenant-by name.

Keyed ids are HMAC-SHA-256 with a key that lies beside the recording, or comes
from $TRACE_KEY, and is never written into it. Whoever has both can test whether
a text they already know was sent. Without the key they tell only what is equal
to what. \`trace scrub\` gives them another key or drops them.

Leaves the machine on its own account: /version, /v1/models and /metrics of the
upstream are read, and /tokenize, or the routes that render a prompt (--blocks
engine), are sent a few prompts a second (--tokenize-rate 0 turns it off) so
that tokens can be counted where clients do not ask for usage. Never with a
client's credentials.

Kept of each request:
`

/** Where what a column means begins: behind its name and its kind. */
const MEANING_AT = 31

/** @returns plain text, ending with a line end */
export function capturePolicyText(): string {
  const rows = Object.entries(REQUEST_COLUMNS).map(([key, { unit, meaning }]) => {
    const kind = KEYED.has(key) ? 'keyed id' : unit
    const [first, ...rest] = fold(meaning, TEXT_COLUMNS - MEANING_AT).split('\n')
    const more = rest.map((line) => `\n${' '.repeat(MEANING_AT)}${line.trim()}`)
    return `  ${fileName(key).padEnd(18)} ${kind.padEnd(9)} ${first}${more.join('')}`
  })
  const others = Object.entries(TABLES)
    .filter(([table]) => table !== 'request')
    .map(([table, columns]) =>
      fold(`  ${table.padEnd(8)}  ${Object.keys(columns).map(fileName).join(', ')}`),
    )
  return `${HEAD}${rows.join('\n')}\n\nBesides:\n${others.join('\n')}\n`
}
