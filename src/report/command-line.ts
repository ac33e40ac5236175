/** The command that made a page, as one would type it again, without what must stay secret. Pure. */

/** Their values may be keys. */
const SECRET_FLAGS = new Set(['--header'])

/** @returns null where no command is known */
export function commandLine(argv: readonly string[] | undefined): string | null {
  if (argv === undefined || argv.length === 0) return null
  const words = argv.map((word, at) => {
    if (SECRET_FLAGS.has(argv[at - 1] ?? '')) return nameOnly(word)
    const [, flag = '', value = ''] = /^(--[\w-]+)=(.*)$/s.exec(word) ?? []
    return SECRET_FLAGS.has(flag) ? `${flag}=${nameOnly(value)}` : withoutPassword(word)
  })
  return ['trace', ...words.map(quoted)].join(' ')
}

function nameOnly(header: string): string {
  return `${header.split(':')[0]}: …`
}

/** 'http://user:password@host' without the password. */
function withoutPassword(word: string): string {
  return word.replace(/(\/\/[^/:@\s]+):[^/@\s]+@/, '$1:…@')
}

function quoted(word: string): string {
  return /^[\w@%+=:,./…-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
