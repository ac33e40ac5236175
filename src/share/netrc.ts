/** Names and passwords from ~/.netrc and Docker's config.json. Pure. */

/** Keywords that one value follows. */
const VALUED = new Set(['machine', 'login', 'password', 'account'])

/** @returns the value of an Authorization header, or null */
export function netrcBasic(text: string, host: string): string | null {
  const words = wordsOf(text.replaceAll(/^\s*#.*$/gm, ''))
  let isHost = false
  let [login, password] = ['', '']
  for (let at = 0; at < words.length; at += 1) {
    const [word = '', value = ''] = words.slice(at, at + 2)
    if (word === 'machine' || word === 'default') {
      if (isHost && password !== '') break
      isHost = word === 'default' || value === host
    }
    // A word that is a value is passed over: it may be spelt like a keyword.
    if (!VALUED.has(word)) continue
    at += 1
    if (isHost && word === 'login') login = value
    if (isHost && word === 'password') password = value
  }
  return password === '' ? null : basic(`${login}:${password}`)
}

/** A value with blanks stands in double quotes, in which a backslash takes the next character as it is. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, plain = '']) => quoted?.replaceAll(/\\(.)/g, '$1') ?? plain,
  )
}

/** @param text of config.json, whose `auths` hold base64 of user:password by host */
export function dockerBasic(text: string, host: string): string | null {
  let config: unknown
  try {
    config = JSON.parse(text)
  } catch {
    return null
  }
  const { auths } = (config ?? {}) as { auths?: Record<string, { auth?: string } | undefined> }
  const auth = auths?.[host]?.auth ?? auths?.[`https://${host}`]?.auth
  return auth === undefined ? null : `Basic ${auth}`
}

function basic(pair: string): string {
  return `Basic ${Buffer.from(pair).toString('base64')}`
}
