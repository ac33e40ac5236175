/** A tokenizer as models bring one: bytes, and each two letters after a space are one token. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'.split('')
/** How byte-level vocabularies write a space. */
const SPACE = 'Ġ'

/** GPT-2's printable stand-ins for the 256 bytes. */
function byteNames(): string[] {
  const isPlain = (byte: number) =>
    (byte > 32 && byte < 127) || (byte > 160 && byte < 173) || byte > 173
  let next = 256
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(isPlain(byte) ? byte : next++),
  )
}

const TEMPLATE =
  "{% for message in messages %}{{ '<' + message['role'] + '>' + message['content'] + '|' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<bot>' }}{% endif %}"

/** Writes a model folder: tokenizer.json, tokenizer_config.json, chat_template.jinja. */
export function writePairTokenizer(folder: string): void {
  const pairs = LETTERS.flatMap((first) => LETTERS.map((second) => [first, second] as const))
  const entries = [
    ...byteNames(),
    ...LETTERS.map((first) => SPACE + first),
    ...pairs.map(([first, second]) => SPACE + first + second),
  ]
  const merges = [
    ...LETTERS.map((first) => `${SPACE} ${first}`),
    ...pairs.map(([first, second]) => `${SPACE}${first} ${second}`),
  ]
  const level = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  const model = {
    type: 'BPE',
    vocab: Object.fromEntries(entries.map((entry, id) => [entry, id])),
    merges,
  }
  const document = {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: level,
    post_processor: null,
    decoder: level,
    model,
  }
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(document))
  const config = { tokenizer_class: 'PreTrainedTokenizerFast', model_max_length: 8_192 }
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config))
  writeFileSync(join(folder, 'chat_template.jinja'), TEMPLATE)
}

/** The same counts by a rule of thumb, for the server's side of a test. */
export function countPairs(text: string): number {
  return [...text.matchAll(/ [a-z]{1,2}|[^]/g)].length
}

/** As the template above writes them. */
export function renderPairs(
  messages: readonly Readonly<{ role: string; content: string }>[],
): string {
  const said = messages.map(({ role, content }) => `<${role}>${content}|`)
  return `${said.join('')}<bot>`
}
