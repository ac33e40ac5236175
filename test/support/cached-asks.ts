/** Completions that find more or less of their prompt in a prefix cache. Pure. */

/**
 * Each prompt, and some of them again: whole blocks of 128 are shared, never the last token, nor with
 * another salt, nor where log probabilities of the prompt are wanted.
 *
 * @param run a number that no run before had, so that no server has seen the prompts
 */
export function cachedAsks(run: number): object[] {
  const prompt = (length: number, kind: number) =>
    Array.from({ length }, (_, index) => 10 + ((run + kind * 131 + index * 17) % 140_000))
  const once = { max_tokens: 2, ignore_eos: true }
  return [
    ...[300, 300, 256, 256, 257, 127, 127].map((length) => ({
      ...once,
      prompt: prompt(length, length),
    })),
    { ...once, prompt: prompt(300, 300), cache_salt: 'other' },
    { ...once, prompt: prompt(300, 300), n: 2 },
    { ...once, prompt: prompt(300, 300), prompt_logprobs: 0 },
  ]
}
