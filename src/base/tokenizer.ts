/**
 * Finds a text's tokens with a model's own tokenizer, here, without its server.
 * Effects: reads a model folder; loads the optional package @huggingface/transformers.
 */
import { isAbsolute, join, resolve } from 'node:path'
import { messagesFor } from './chat-messages.ts'
import { TraceError } from './errors.ts'
import { readIfThere } from './files.ts'

const PACKAGE = '@huggingface/transformers'

export type TokenizerMessage = Readonly<Record<string, unknown>>

export type ChatParts = Readonly<{
  messages: readonly TokenizerMessage[]
  tools: readonly unknown[]
  /** Variables of the chat template that clients may set. */
  variables: Readonly<Record<string, unknown>>
}>

export type Tokenizer = Readonly<{
  /** Token ids of a bare text, with the tokens that the model begins one with. */
  idsOfText(text: string): number[]
  /** Token ids of the text alone. */
  idsOfWords(text: string): number[]
  /** The text of token ids, special ones too. */
  textOfIds(ids: readonly number[]): string
  /** Of a conversation; null where the model has no chat template, or it refuses these messages. */
  idsOfChat(parts: ChatParts): number[] | null
}>

/** The part of the package that is used; it is optional, so its own types are not imported. */
type LoadedTokenizer = {
  encode(text: string, options?: { add_special_tokens?: boolean }): number[]
  decode(
    ids: number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string
  apply_chat_template(messages: readonly TokenizerMessage[], options: object): unknown
  /** A text, or several by their names. */
  chat_template?: unknown
}
type Package = {
  env: { allowRemoteModels: boolean; allowLocalModels: boolean; localModelPath: string }
  AutoTokenizer: {
    from_pretrained(name: string, options: object): Promise<LoadedTokenizer>
  }
}

/**
 * @param name a folder with tokenizer.json, or a model's id, which is fetched and cached
 * @throws TraceError BAD_OPTION naming --tokenizer, if it cannot be loaded
 */
export async function loadTokenizer(name: string): Promise<Tokenizer> {
  const folder = resolve(name)
  const isFolder = await isModelFolder(name)
  const { AutoTokenizer, env } = await loadPackage()
  if (isFolder) env.localModelPath = '/'
  try {
    const loaded = await AutoTokenizer.from_pretrained(isFolder ? folder : name, {
      local_files_only: isFolder,
    })
    const template = isFolder ? await readIfThere(join(folder, 'chat_template.jinja')) : null
    return tokenizerOf(loaded, template)
  } catch (error) {
    throw new TraceError('BAD_OPTION', `--tokenizer: ${name} cannot be loaded`, {
      hint: 'Name a folder with tokenizer.json and tokenizer_config.json.',
      cause: error,
    })
  }
}

/** Whether a tokenizer could be loaded, without loading it: that takes a second. Throws as above. */
export async function checkTokenizer(name: string): Promise<void> {
  await isModelFolder(name)
  try {
    import.meta.resolve(PACKAGE)
  } catch (error) {
    throw missingPackage(error)
  }
}

async function isModelFolder(name: string): Promise<boolean> {
  const config = await readIfThere(join(resolve(name), 'tokenizer_config.json'))
  if (config === null && (isAbsolute(name) || name.startsWith('.'))) {
    throw new TraceError('BAD_OPTION', `--tokenizer: ${name} has no tokenizer_config.json`)
  }
  return config !== null
}

function missingPackage(cause: unknown): TraceError {
  return new TraceError('BAD_OPTION', '--tokenizer needs a package that is not installed', {
    hint: `npm install ${PACKAGE}`,
    cause,
  })
}

async function loadPackage(): Promise<Package> {
  try {
    return await import('@huggingface/transformers')
  } catch (error) {
    throw missingPackage(error)
  }
}

function tokenizerOf(tokenizer: LoadedTokenizer, template: string | null): Tokenizer {
  const written = template ?? tokenizer.chat_template ?? ''
  const source = typeof written === 'string' ? written : JSON.stringify(written)
  return {
    idsOfText: (text) => tokenizer.encode(text),
    idsOfWords: (text) => tokenizer.encode(text, { add_special_tokens: false }),
    textOfIds: (ids) =>
      ids.length === 0
        ? ''
        : tokenizer.decode([...ids], {
            skip_special_tokens: false,
            clean_up_tokenization_spaces: false,
          }),
    idsOfChat({ messages, tools, variables }) {
      try {
        const text = tokenizer.apply_chat_template(messagesFor(source, messages), {
          add_generation_prompt: true,
          ...variables,
          tokenize: false,
          ...(tools.length === 0 ? {} : { tools }),
          chat_template: template,
        })
        if (typeof text !== 'string') return null
        return tokenizer.encode(text, { add_special_tokens: false })
      } catch {
        // The template itself may refuse a role or an order; the text of why would quote traffic.
        return null
      }
    },
  }
}
