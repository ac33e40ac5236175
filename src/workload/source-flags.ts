/** Marks on rows while a plan is being made; none is left in a finished plan. Pure. */

/** `promptTokens` holds the request's bytes. */
export const PROMPT_IS_BYTES = 1 << 8
export const PROMPT_UNKNOWN = 1 << 9
/** `outputTokens` holds the answer's bytes. */
export const OUTPUT_IS_BYTES = 1 << 10
export const OUTPUT_UNKNOWN = 1 << 11
/** Sizes are the source's own, from an answer that ended well: others may be drawn from them. */
export const IS_SAMPLE = 1 << 12
/** The answer was not asked for as a stream. */
export const IS_WHOLE = 1 << 13

export const SOURCE_MARKS = 0xff00
