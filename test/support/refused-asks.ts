/** Requests that vLLM 0.32 refuses, with the words in which it does. Pure. */

export type RefusedAsk = Readonly<{
  name: string
  path: string
  body: object
  message: string
  param: string | null
}>

const CHAT = '/v1/chat/completions'
const TEXT = '/v1/completions'
const hello = { messages: [{ role: 'user', content: 'Say hello' }], max_tokens: 1 }
const hi = { prompt: 'Hi', max_tokens: 1 }
const tools = [{ type: 'function', function: { name: 'look', parameters: {} } }]
const invalid = (fault: string) => `1 validation error:\n  ${fault}`

type Row = readonly [name: string, path: string, body: object, message: string, param?: string]

const ROWS: readonly Row[] = [
  [
    'more answers than are allowed',
    TEXT,
    { ...hi, n: 20_000 },
    'n must be at most 16384, got 20000. To increase this limit, set the VLLM_MAX_N_SEQUENCES environment variable.',
  ],
  ['top_k', TEXT, { ...hi, top_k: -3 }, 'top_k must be 0 (disable), or at least 1, got -3.'],
  ['min_p', TEXT, { ...hi, min_p: 2 }, 'min_p must be in [0, 1], got 2.0.'],
  [
    'a presence penalty',
    TEXT,
    { ...hi, presence_penalty: 3 },
    'presence_penalty must be in [-2, 2], got 3.0.',
  ],
  [
    'a frequency penalty',
    CHAT,
    { ...hello, frequency_penalty: -3 },
    'frequency_penalty must be in [-2, 2], got -3.0.',
  ],
  [
    'a repetition penalty',
    TEXT,
    { ...hi, repetition_penalty: 0 },
    'repetition_penalty must be greater than zero, got 0.0.',
  ],
  [
    'log probabilities below none',
    TEXT,
    { ...hi, logprobs: -2 },
    '`logprobs` must be a positive value or -1. (parameter=logprobs, value=-2)',
    'logprobs',
  ],
  [
    'log probabilities of a streamed prompt',
    TEXT,
    { ...hi, stream: true, prompt_logprobs: 1 },
    '`prompt_logprobs` are not available when `stream=True`. (parameter=prompt_logprobs)',
    'prompt_logprobs',
  ],
  [
    'too many log probabilities of a prompt',
    TEXT,
    { ...hi, prompt_logprobs: 21 },
    'Requested prompt logprobs of 21, which is greater than max allowed: 20 (parameter=prompt_logprobs, value=21)',
    'prompt_logprobs',
  ],
  [
    'alternatives without log probabilities',
    CHAT,
    { ...hello, top_logprobs: 2 },
    'when using `top_logprobs`, `logprobs` must be set to true. (parameter=top_logprobs)',
    'top_logprobs',
  ],
  [
    'echo as a word',
    TEXT,
    { ...hi, echo: 'nope' },
    invalid(
      "{'type': 'bool_parsing', 'loc': 'body.echo', 'msg': 'Input should be a valid boolean, unable to interpret input', 'input': 'nope'}",
    ),
    'body.echo',
  ],
  [
    'events of no tokens',
    TEXT,
    { ...hi, stream: true, stream_interval: 0 },
    invalid(
      "{'type': 'greater_than_equal', 'loc': 'body.stream_interval', 'msg': 'Input should be greater than or equal to 1', 'input': '0', 'ctx': {'ge': 1}}",
    ),
    'body.stream_interval',
  ],
  [
    'a suffix',
    TEXT,
    { ...hi, suffix: 'x' },
    'suffix is only supported for models with FIM completion rendering',
    'suffix',
  ],
  [
    'a prompt that fills the context',
    TEXT,
    { prompt: Array.from({ length: 8_192 }, () => 5), max_tokens: 1 },
    'max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)',
    'max_tokens',
  ],
  [
    'an empty list of tools',
    CHAT,
    { ...hello, tools: [] },
    '`tools` must not be an empty array. Either provide at least one tool or omit the field entirely. (parameter=tools)',
    'tools',
  ],
  [
    'a choice without tools',
    CHAT,
    { ...hello, tool_choice: 'auto' },
    'When using `tool_choice`, `tools` must be set. (parameter=tool_choice)',
    'tool_choice',
  ],
  [
    'a tool that must be called',
    CHAT,
    { ...hello, tools, tool_choice: 'required' },
    'tool_choice="required" requires --tool-call-parser to be set',
  ],
  [
    'a tool by name',
    CHAT,
    { ...hello, tools, tool_choice: { type: 'function', function: { name: 'look' } } },
    'tool_choice=function "look" requires --tool-call-parser to be set',
  ],
  [
    'an answer that both begins and goes on',
    CHAT,
    { ...hello, continue_final_message: true, add_generation_prompt: true },
    'Cannot set both `continue_final_message` and `add_generation_prompt` to True.',
  ],
]

export const REFUSED_ASKS: readonly RefusedAsk[] = ROWS.map(
  ([name, path, body, message, param = null]) => ({ name, path, body, message, param }),
)
