/** Asks a running recorder for something. Effects: network. */
import { TraceError } from '../base/errors.ts'
import { readText } from '../base/files.ts'
import { HttpClient } from '../base/http.ts'

const TOKEN_HINT = 'It lies beside the recording: of prod/ it is prod.admin-token.'
const ADMIN_HINT =
  'Is --admin the admin address of a recorder that runs? It prints it when it starts.'

/** @throws TraceError TARGET_DOWN, TARGET_UNFIT or BAD_OPTION */
export async function askAdmin(
  url: URL,
  tokenFile: string,
  route: string,
  json: unknown,
): Promise<void> {
  const token = (await readText('--token-file', tokenFile, TOKEN_HINT)).trim()
  const client = new HttpClient({ headers: { authorization: `Bearer ${token}` } })
  try {
    const { status } = await client.call(new URL(route, url), { json }).catch((error: unknown) => {
      if (!(error instanceof TraceError)) throw error
      throw new TraceError(error.code, error.message, { hint: ADMIN_HINT, cause: error })
    })
    if (status === 401) {
      throw new TraceError('BAD_OPTION', `--token-file: ${url.origin} does not take this token`, {
        hint: TOKEN_HINT,
      })
    }
    if (status !== 200) {
      throw new TraceError('TARGET_UNFIT', `${url.origin} answers ${status}`, {
        hint: ADMIN_HINT,
      })
    }
  } finally {
    await client.close()
  }
}
