/** Where this program keeps what it can make or fetch again. Pure. */
import { join } from 'node:path'
import type { World } from './world.ts'

/** @returns null where neither a cache nor a home is named */
export function cacheFolder(env: World['env']): string | null {
  const { TRACE_CACHE_DIR, XDG_CACHE_HOME, HOME } = env
  if (TRACE_CACHE_DIR !== undefined) return TRACE_CACHE_DIR
  const root = XDG_CACHE_HOME ?? (HOME === undefined ? null : join(HOME, '.cache'))
  return root === null ? null : join(root, 'vllm-trace')
}
