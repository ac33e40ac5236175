/** The hash scheme in words, for the format's document. Pure. */
import {
  CHAIN_BLOCK_BYTES,
  CHAIN_BLOCK_TOKENS,
  HASH_SCHEME,
  TOKEN_HASH_SCHEME,
} from './prefix-chain.ts'

export const HASH_SCHEME_TEXT = `## Hash scheme \`${HASH_SCHEME}\`

A prompt becomes bytes (its *rendering*), the rendering is cut into blocks of ${CHAIN_BLOCK_BYTES} bytes, and each whole
block gets an id that depends on everything before it and on a secret key:

    root = first 64 bits of HMAC-SHA-256(key, "root" 0x00 JSON([family, model, adapter, cacheSalt]))
    id_0 = first 64 bits of HMAC-SHA-256(key, root  ‖ block_0)
    id_k = first 64 bits of HMAC-SHA-256(key, id_{k-1} ‖ block_k)

Ids are big-endian; one that comes out as 0 is written as 1. \`family\` is \`templated\` for chat,
responses and messages, and \`raw\` for completions; \`adapter\` and \`cacheSalt\` are null where absent.
Bytes after the last whole block have no id: \`prefix_leaf\` is the id of the last whole block of the
prompt, \`prefix_blocks\` their number, and \`answer_leaf\` the last whole block of prompt and answer.
Other keyed ids (session, tenant, model) are 16 hex digits of the same HMAC over
\`purpose 0x00 text\`; \`key_id\` in the header is that of purpose \`key\` and an empty text.

The rendering is UTF-8 text with marks: the byte 0xFF, which UTF-8 never holds, and a letter.

| mark | begins |
|---|---|
| \`T\` … \`E\` | the list of tools as canonical JSON; first, and only if there are any |
| \`M\` role \`C\` content … \`E\` | one message; system text and instructions are a message of role \`system\` |
| \`P\` | stands between two parts of one content; one part of text is the same as the text |
| \`I\` + 32 bytes | anything but text in a content: SHA-256 of the part's canonical JSON without \`cache_control\` |
| \`F\` name \`A\` arguments | a tool call, after the content; arguments as canonical JSON where they are JSON |
| \`R\` content | a tool's result inside a message |
| \`D\` + 4 bytes each | a prompt of token ids, big-endian; first in the rendering |

Ids of calls, names of speakers and reasoning are left out. A completions prompt is its text alone,
without marks; a request with several prompts has no chain. The answer continues the prompt's
rendering: as one message of role \`assistant\` (for responses, one for the text and one for each call),
or as bare text for completions. With \`previous_response_id\` the rendering goes on from that answer.

With \`--blocks engine\` the scheme is \`${TOKEN_HASH_SCHEME}\`: the bytes are the prompt's token ids as
the engine sees them, four bytes each, big-endian, without a mark; \`family\` is \`tokens\`; each block
is ${CHAIN_BLOCK_TOKENS} tokens. Only prompts that were counted have a chain, and there is no \`answer_leaf\`.

Vectors: \`fixtures/hash-scheme.json\` has key, root, body and the ids that come out.
`
