/** What `trace doctor` can be told. Parsed once, here; later code trusts the type. */
import { parseUrl } from '../base/parse.ts'

export type DoctorOptions = Readonly<{
  targetUrl: URL | null
  apiKeyPath: string | null
  tlsCaPath: string | null
  isInsecure: boolean
  isJson: boolean
}>

export type RawDoctorOptions = Readonly<{
  target?: string
  apiKeyFile?: string
  tlsCa?: string
  tlsInsecure?: boolean
  json?: boolean
}>

/** @throws TraceError BAD_OPTION, naming the first flag that is wrong */
export function parseDoctorOptions(raw: RawDoctorOptions): DoctorOptions {
  return {
    targetUrl: raw.target === undefined ? null : parseUrl('--target', raw.target),
    apiKeyPath: raw.apiKeyFile ?? null,
    tlsCaPath: raw.tlsCa ?? null,
    isInsecure: raw.tlsInsecure === true,
    isJson: raw.json === true,
  }
}
