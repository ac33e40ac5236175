import { defineConfig } from 'vitest/config'

/** Virtual time and plain functions; quick, in parallel. */
const unit = {
  test: {
    name: 'unit',
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'test/vllm/**'],
    // A bound on a hang, not on speed: a busy machine may be ten times slower.
    testTimeout: 60_000,
  },
}

/** Real sockets, threads and processes; one file at a time, because they share the machine's time. */
const e2e = {
  test: {
    name: 'e2e',
    include: ['test/e2e/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // A port taken between being found and being used, a process starved for seconds: once more.
    retry: 1,
  },
}

/** A real vLLM server, named by TRACE_VLLM_URL. */
const vllm = {
  test: {
    name: 'vllm',
    include: ['test/vllm/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    retry: 1,
  },
}

export default defineConfig({ test: { projects: [unit, e2e, vllm] } })
