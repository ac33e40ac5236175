/** The failures a user can cause or fix. Anything else that throws is a bug and keeps its stack. */

export const ERRORS = {
  FAILED: { exitCode: 1, hint: 'Nothing was lost; the message says where it stopped.' },
  BAD_OPTION: { exitCode: 2, hint: 'Run the command with --help to see its options.' },
  OUTPUT_EXISTS: { exitCode: 2, hint: 'Add --force to replace it, or name another file.' },
  PORT_IN_USE: { exitCode: 2, hint: 'Name another port, or end the process that has this one.' },
  EMPTY_WINDOW: { exitCode: 2, hint: '`trace inspect FILE` shows the span of the trace.' },
  TRACE_UNREADABLE: { exitCode: 3, hint: 'Was the recording stopped cleanly, or killed?' },
  TRACE_NEWER: { exitCode: 3, hint: 'Update vllm-trace to read it.' },
  FORMAT_UNKNOWN: {
    exitCode: 3,
    hint: 'Name it with --format; docs/formats.md lists them all, and how any other log comes in.',
  },
  TARGET_DOWN: {
    exitCode: 4,
    hint: 'Is the name right, and the server up? `trace doctor --target URL` tries each step.',
  },
  TARGET_UNFIT: { exitCode: 4, hint: '`trace doctor --target URL` shows what it answers.' },
  INTERRUPTED: { exitCode: 130, hint: 'Run the same command again.' },
} as const

export type ErrorCode = keyof typeof ERRORS

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code)
}

/** Exit codes that are answers, not errors: what a CI job reads. */
export const EXIT = {
  pass: 0,
  inconclusive: 97,
  invalid: 98,
  threshold: 99,
  interrupted: 130,
  terminated: 143,
} as const

/** A failure with its place in words; `hint`, when given, is better than the table's. */
export class TraceError extends Error {
  override readonly name = 'TraceError'
  readonly code: ErrorCode
  readonly hint: string

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.hint = options.hint ?? ERRORS[code].hint
  }

  get exitCode(): number {
    return ERRORS[this.code].exitCode
  }
}
