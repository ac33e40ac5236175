import { defineConfig } from 'vitest/config'

/**
 * Files of real processes that hold whatever the machine's pace: two at a time, and in each the tests
 * that call themselves concurrent. What counts milliseconds, processor time or memory is not among them.
 */
const PACELESS = [
  'demo',
  'deploy-ci',
  'doctor',
  'engine-captures',
  'examples',
  'package',
  'pages',
  'pages-live',
  'record-admin',
  'record-advisories',
  'record-bytes',
  'record-compressed',
  'record-front',
  'record-mirror',
  'record-questions',
  'record-reload',
  'record-secrets',
  'record-workers',
  'replay-tokenizer',
  'share',
  'share-login',
  'stdio',
  'trace-kill',
  'trace-million',
  'trace-python',
  'trace-query',
].map((name) => `test/e2e/${name}.test.ts`)

/** Virtual time and plain functions; quick, in parallel. */
const unit = {
  test: {
    name: 'unit',
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'test/vllm/**'],
    // A bound on a hang, not on speed: a busy machine may be ten times slower.
    testTimeout: 60_000,
    sequence: { groupOrder: 0 },
  },
}

/** A bound on a hang; and once more for a port taken meanwhile, or a process starved for seconds. */
const REAL = { testTimeout: 120_000, hookTimeout: 120_000, retry: 1 }

const paceless = {
  test: {
    ...REAL,
    name: 'e2e-paceless',
    include: PACELESS,
    maxWorkers: 2,
    maxConcurrency: 4,
    sequence: { groupOrder: 1 },
  },
}

/** Real sockets, threads and processes; one file at a time, because they share the machine's time. */
const e2e = {
  test: {
    ...REAL,
    name: 'e2e',
    include: ['test/e2e/**/*.test.ts'],
    exclude: PACELESS,
    fileParallelism: false,
    sequence: { groupOrder: 2 },
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
    sequence: { groupOrder: 3 },
  },
}

export default defineConfig({ test: { projects: [unit, paceless, e2e, vllm] } })
